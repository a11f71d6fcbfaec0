// Sends photographs one after another, and shows what comes back.  Names and messages are set as text, never as markup.
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const from_template = (id) => $("template#" + id).content.firstElementChild.cloneNode(true);
const percent = (x, digits = 0) => (100 * x).toFixed(digits) + " %";

// ---- pictures ------------------------------------------------------------------------------------------------

const bytes_of = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const png_of = (base64) => new Blob([bytes_of(base64)], { type: "image/png" });

/** The pixels of a picture, four bytes each, scaled to a size if one is given. */
async function pixels_of(blob, width, height) {
  const picture = await createImageBitmap(blob);
  const canvas = document.createElement("canvas");
  canvas.width = width || picture.width;
  canvas.height = height || picture.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** From dark violet over teal to yellow; brighter means more, also in grey. */
const HEAT = [[40, 10, 72], [52, 72, 140], [30, 140, 140], [110, 200, 90], [252, 232, 60]];
function heat(v) {
  const at = (v / 255) * 4, i = Math.min(Math.floor(at), 3);
  return HEAT[i].map((low, c) => Math.round(low + (HEAT[i + 1][c] - low) * (at - i)));
}

/** Of pixels with four bytes each, the first ones. */
const grey_of = ({ data }) => Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]);

/** Paints a canvas with a picture of one byte a pixel, through a table of 256 colours. */
function paint(canvas, width, height, grey, colour) {
  const table = Array.from({ length: 256 }, (_, v) => colour(v));
  paint_rgba(canvas, width, height, (data) => {
    for (let i = 0, at = 0; i < grey.length; ++i, at += 4) {
      const c = table[grey[i]];
      data[at] = c[0], data[at + 1] = c[1], data[at + 2] = c[2], data[at + 3] = 255;
    }
  });
}
function paint_rgba(canvas, width, height, fill) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  fill(image.data);
  context.putImageData(image, 0, 0);
}

// ---- one photograph ------------------------------------------------------------------------------------------

/** Whether a value of the map, 0 to 255, is object: the comparison that the program makes. */
const is_object = (v, threshold) => v / 255 > threshold;

/** What each button shows. */
const VIEWS = {
  overlay: (canvas, { width, height, map, photograph, threshold }) =>
    paint_rgba(canvas, width, height, (data) => {
      data.set(photograph);
      const inside = Array.from({ length: 256 }, (_, v) => is_object(v, threshold));
      for (let i = 0, at = 0; i < map.length; ++i, at += 4)
        if (inside[map[i]]) data[at] = (data[at] + 255) >> 1, data[at + 1] >>= 1, data[at + 2] >>= 1;
    }),
  map: (canvas, { width, height, map }) => paint(canvas, width, height, map, (v) => [v, v, v]),
  uncertainty: (canvas, { width, height, uncertainty }) => paint(canvas, width, height, uncertainty, heat),
};

class Card {
  constructor(file) {
    this.file = file;
    this.root = from_template("card");
    $("h2", this.root).textContent = file.name;
    this.say("waits");
  }

  say(message, wrong = false) {
    $(".message", this.root).textContent = message;
    this.root.classList.toggle("wrong", wrong);
  }

  async show(answer) {
    const { width, height } = answer;
    const map = grey_of(await pixels_of(png_of(answer.map)));
    const uncertainty = grey_of(await pixels_of(png_of(answer.uncertainty)));
    const photograph = (await pixels_of(this.file, width, height)).data;
    const counts = new Array(256).fill(0);
    for (const v of map) ++counts[v];
    this.now = { width, height, map, uncertainty, photograph, counts, view: "overlay", threshold: answer.threshold };
    $(".size", this.root).textContent = `${width} × ${height}`;
    $(".time", this.root).textContent = `${(1000 * answer.seconds).toFixed(0)} ms`;
    this.connect(answer);
    this.show_experts(answer.experts);
    $(".result", this.root).hidden = false;
    this.say("");
    this.draw();
  }

  connect(answer) {
    const stem = this.file.name.replace(/\.[^.]*$/, "");
    const offer = (link, blob, name) => {
      link.href = URL.createObjectURL(blob);
      link.download = name;
    };
    offer($(".save-map", this.root), png_of(answer.map), stem + "_map.png");
    offer($(".save-json", this.root), new Blob([JSON.stringify(answer)], { type: "application/json" }), stem + ".json");
    const slider = $("input", this.root), buttons = this.root.querySelectorAll("[data-view]");
    slider.value = this.now.threshold;
    slider.addEventListener("input", () => {
      this.now.threshold = Number(slider.value);
      cancelAnimationFrame(this.soon);
      this.soon = requestAnimationFrame(() => this.draw());
    });
    for (const button of buttons)
      button.addEventListener("click", () => {
        this.now.view = button.dataset.view;
        for (const b of buttons) b.setAttribute("aria-pressed", String(b === button));
        this.draw();
      });
  }

  draw() {
    const { width, height, counts, view, threshold } = this.now;
    const canvas = $(".picture canvas", this.root);
    VIEWS[view](canvas, this.now);
    const area = counts.reduce((sum, n, v) => sum + (is_object(v, threshold) ? n : 0), 0);
    const share = area ? `${percent(area / (width * height), 1)}, ${area.toLocaleString("en")} pixels` : "none";
    $(".area", this.root).textContent = share;
    $("output", this.root).textContent = threshold.toFixed(2);
    canvas.setAttribute("aria-label", `${view} of ${this.file.name}; object: ${share}`);
  }

  async show_experts(scales) {
    $(".routing", this.root).hidden = scales.length === 0;
    const several = scales.some((scale) => scale.network > 0);
    for (const scale of scales) {
      const section = from_template("scale");
      $("h4", section).textContent = (several ? `Network ${scale.network + 1}, ` : "") + scale.scale;
      $(".scales", this.root).append(section);
      for (const chosen of scale.chosen) {
        const row = from_template("expert"), answer = await pixels_of(png_of(chosen.answer));
        $(".expert", row).textContent = chosen.expert;
        $(".expert", row).title = chosen.expert;
        $(".weight", row).textContent = percent(chosen.weight);
        $(".bar span", row).style.width = percent(chosen.weight, 1).replace(" ", "");
        $("canvas", row).setAttribute("aria-label", `where ${chosen.expert} answers at ${scale.scale}`);
        $("canvas", row).style.aspectRatio = `${this.now.width} / ${this.now.height}`;
        paint($("canvas", row), answer.width, answer.height, grey_of(answer), heat);
        $("ul", section).append(row);
      }
    }
  }
}

// ---- the queue -----------------------------------------------------------------------------------------------

const queue = [];
let running = false;

/** Asks again while the server is busy. */
async function predict(file) {
  for (let attempt = 1; ; ++attempt) {
    const form = new FormData();
    form.append("photograph", file, file.name);
    const response = await fetch("/predict?format=json", { method: "POST", body: form });
    if (response.ok) return response.json();
    if (response.status !== 503 || attempt === 60) throw new Error((await response.text()).trim());
    await new Promise((done) => setTimeout(done, 1000));
  }
}

async function run() {
  if (running) return;
  running = true;
  while (queue.length) {
    $("#state").textContent = queue.length > 1 ? `${queue.length} photographs to go` : "one photograph to go";
    const card = queue.shift();
    card.say("is looked at …");
    try {
      await card.show(await predict(card.file));
    } catch (error) {
      card.say(error instanceof TypeError ? "the server does not answer" : error.message, true);
    }
  }
  $("#state").textContent = "";
  running = false;
}

function add(files) {
  const cards = files.map((file) => new Card(file));
  $("#results").prepend(...cards.map((card) => card.root));
  queue.push(...cards);
  run();
}

const drop = $("#drop"), files = $("#files");
files.addEventListener("change", () => {
  add([...files.files]);
  files.value = "";
});
for (const kind of ["dragover", "dragleave", "drop"])
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") add([...event.dataTransfer.files]);
  });

$("#curl").textContent = `curl -F photograph=@x.jpg ${location.origin}/predict`;
fetch("/about").then((response) => response.json()).then(({ networks }) => {
  $("#about").textContent = networks.map((n) => `${n.model} on ${n.backbone}, ${n.size[0]} × ${n.size[1]}`).join("; ");
}).catch(() => {});
