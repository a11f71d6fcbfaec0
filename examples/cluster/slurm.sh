#!/usr/bin/env bash
# Trains on two nodes with two processes each; goes on where it stopped when the job is put back into the queue.
#   sbatch examples/cluster/slurm.sh DATA RUN
# Slurm sends TERM two minutes before the time is over: every process then saves and stops.
#SBATCH --job-name=camo
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=8
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
set -euo pipefail
data=$1 run=$2
if [[ -e $run/config.json ]]; then
  arguments=(--resume "$run")
else
  arguments=(--data "$data" --out "$run" --backbone pvt_v2_b2 --size 352 --batch-size 4)
fi
code=0
srun --mpi=pmix --cpus-per-task="$SLURM_CPUS_PER_TASK" --kill-on-bad-exit=1 camo train "${arguments[@]}" || code=$?
# 143: stopped by TERM, and saved.
if [[ $code == 143 ]]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
