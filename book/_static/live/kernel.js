// A kernel that the reader edits, slid over a letter of the chapter's.
"use strict";

(() => {
  const { figure, image } = live.open("kernel");
  const KERNELS = {
    "right minus left": [-1, 0, 1, -1, 0, 1, -1, 0, 1],
    "below minus above": [-1, -1, -1, 0, 0, 0, 1, 1, 1],
    "one diagonal": [2, -1, -1, -1, 2, -1, -1, -1, 2],
    "nothing changed": [0, 0, 0, 0, 1, 0, 0, 0, 0],
    outline: [-1, -1, -1, -1, 8, -1, -1, -1, -1],
    "blur, nine times": [1, 1, 1, 1, 1, 1, 1, 1, 1],
  };
  const PIXEL = 8;
  const names = Object.keys(KERNELS);

  const status = live.fill(figure, "edit the kernel", `
    <p><label>Start from <select>${names.map((name) => `<option>${name}</option>`)}
    </select></label></p>
    <div class="live-row">
      <canvas role="img" width="${image.length * PIXEL}" height="${image.length * PIXEL}"
        aria-label="A letter R of 28 by 28 pixels, with the stencil at one stop"></canvas>
      <span class="live-grid">${KERNELS[names[0]].map((weight, k) => `<input
        type="number" step="any" value="${weight}" aria-label="Weight in row
        ${Math.floor(k / 3) + 1}, column ${(k % 3) + 1}">`).join("")}</span>
      <canvas tabindex="0" role="img" width="${(image.length - 2) * PIXEL}"
        height="${(image.length - 2) * PIXEL}" aria-label="The feature map; the arrow
        keys move the stencil"></canvas>
    </div>`);
  const [letter, map] = figure.querySelectorAll("canvas");
  const inputs = [...figure.querySelectorAll("input")];
  const select = figure.querySelector("select");
  const stop = { row: 12, column: 7 };
  let answers;

  function correlate(kernel) {
    const size = image.length - 2;
    return Array.from({ length: size }, (_, r) =>
      Array.from({ length: size }, (_, c) =>
        kernel.reduce(
          (sum, weight, k) => sum + weight * image[r + Math.floor(k / 3)][c + (k % 3)],
          0,
        ),
      ),
    );
  }

  function paint(canvas, values, color) {
    const context = canvas.getContext("2d");
    values.forEach((row, r) =>
      row.forEach((value, c) => {
        context.fillStyle = color(value);
        context.fillRect(c * PIXEL, r * PIXEL, PIXEL, PIXEL);
      }),
    );
    return context;
  }

  function draw() {
    const kernel = inputs.map((input) => Number(input.value) || 0);
    answers = correlate(kernel);
    const most = Math.max(...answers.flat().map(Math.abs)) || 1;
    const gray = (value) => `rgb(${Array(3).fill(255 - (255 * value) / 9)})`;
    // The figure's colours: white for 0, purple for more, orange for less.
    const signed = (value) => {
      const share = Math.abs(value) / most;
      const end = value > 0 ? [84, 39, 136] : [179, 88, 6];
      return `rgb(${end.map((part) => 255 - share * (255 - part))})`;
    };
    const { row, column } = stop;
    const context = paint(letter, image, gray);
    const other = paint(map, answers, signed);
    for (const [brush, size] of [[context, 3], [other, 1]]) {
      brush.lineWidth = 2;
      brush.strokeStyle = size === 3 ? "#D55E00" : "black";
      brush.strokeRect(column * PIXEL, row * PIXEL, size * PIXEL, size * PIXEL);
    }
    const products = kernel
      .map((weight, k) => [weight, image[row + Math.floor(k / 3)][column + (k % 3)]])
      .filter(([weight]) => weight !== 0)
      .map(([weight, pixel]) => `${weight < 0 ? `(${weight})` : weight}·${pixel}`);
    status.textContent =
      `Row ${row + 1}, column ${column + 1}: ${products.join(" + ") || "0"} = ` +
      `${Number(answers[row][column].toFixed(3))}`;
  }

  function go(row, column) {
    const last = image.length - 3;
    stop.row = live.clamp(row, 0, last);
    stop.column = live.clamp(column, 0, last);
    draw();
  }

  select.addEventListener("change", () => {
    KERNELS[select.value].forEach((weight, k) => (inputs[k].value = weight));
    draw();
  });
  for (const input of inputs) input.addEventListener("input", draw);
  live.onArrows(map, (right, down) => go(stop.row + down, stop.column + right));
  for (const canvas of [letter, map]) {
    const offset = canvas === letter ? 1 : 0; // the stencil's middle
    canvas.addEventListener("pointermove", (event) => {
      const size = canvas.clientWidth / (canvas.width / PIXEL);
      go(
        Math.floor(event.offsetY / size) - offset,
        Math.floor(event.offsetX / size) - offset,
      );
    });
  }
  draw();
  figure.hidden = false;
  figure.answers = () => answers; // for the book's tests
})();
