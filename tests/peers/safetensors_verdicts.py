"""Compares Camo's verdict table with the reference implementation of safetensors, file by file.

    mkdir V; CAMO_VERDICTS=V build/tests/camo_tests --source-file=*verdict_test*; python safetensors_verdicts.py V

The test writes the files and verdicts.tsv: name, Camo's verdict, whether the reference should say the same or Camo is
stricter on purpose, and the rule.  Exits 1 if the reference disagrees with that column.
"""

import pathlib
import sys

import safetensors

folder = pathlib.Path(sys.argv[1])
rows = [line.split("\t") for line in (folder / "verdicts.tsv").read_text().splitlines()]
same = stricter = wrong = 0
for name, verdict, relation, rule in rows:
    try:
        safetensors.deserialize((folder / name).read_bytes())
        says, why = "accept", ""
    except safetensors.SafetensorError as error:
        says, why = "refuse", str(error)
    if says == verdict:
        same += 1
    elif relation == "stricter" and verdict == "refuse":
        stricter += 1
    if (relation == "same") != (says == verdict):
        wrong += 1
        print(f"{name}: Camo {verdict} ({rule}), listed as {relation}; the reference: {says} {why}")
print(f"safetensors {safetensors.__version__}: {same} of {len(rows)} the same, {stricter} refused by Camo alone,",
      f"{wrong} unlike the list")
sys.exit(wrong > 0)
