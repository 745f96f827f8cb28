// The chapter's network for MNIST reads a digit that the reader draws.
"use strict";

(() => {
  const { figure, weights, digits } = live.open("digit");
  const SIZE = 28; // pixels of an image, along both axes
  const DOTS = 112; // of the sheet to draw on
  const PEN = 4; // its radius in dots
  const DIGIT = 20; // pixels that the longer side of an MNIST digit takes

  // As Keras stores them: kernels (row, column, channel, map), then biases.
  const arrays = weights.map(({ shape, float32 }) => {
    const bytes = Uint8Array.from(atob(float32), (letter) => letter.charCodeAt(0));
    return { shape, values: new Float32Array(bytes.buffer) };
  });

  // Correlate with padding "same", add the bias, keep what is positive.
  function conv(X, kernel, bias, stride) {
    const [reach, , depth, maps] = kernel.shape;
    const size = Math.ceil(X.size / stride);
    const before = Math.floor(((size - 1) * stride + reach - X.size) / 2);
    const result = new Float32Array(size * size * maps);
    for (let r = 0; r < size; r++)
      for (let c = 0; c < size; c++) {
        const sums = Float64Array.from(bias.values);
        for (let i = 0; i < reach; i++)
          for (let j = 0; j < reach; j++) {
            const row = r * stride + i - before;
            const column = c * stride + j - before;
            if (row < 0 || column < 0 || row >= X.size || column >= X.size) continue;
            for (let d = 0; d < depth; d++) {
              const value = X.values[(row * X.size + column) * depth + d];
              const from = ((i * reach + j) * depth + d) * maps;
              for (let m = 0; m < maps; m++) sums[m] += value * kernel.values[from + m];
            }
          }
        sums.forEach((sum, m) => {
          result[(r * size + c) * maps + m] = Math.max(sum, 0);
        });
      }
    return { size, values: result };
  }

  // The chapter's layers: strides 3, 2, 2, then all maps in a row, and ten sums.
  function scores(image) {
    let X = { size: SIZE, values: image };
    [3, 2, 2].forEach((stride, k) => {
      X = conv(X, arrays[2 * k], arrays[2 * k + 1], stride);
    });
    const [kernel, bias] = arrays.slice(6);
    return Array.from(bias.values, (sum, k) =>
      X.values.reduce((total, value, i) => total + value * kernel.values[i * 10 + k], sum),
    );
  }

  function softmax(values) {
    const powers = values.map((value) => Math.exp(value - Math.max(...values)));
    const total = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / total);
  }

  const status = live.fill(figure, "draw a digit", `
    <div class="live-row">
      <canvas tabindex="0" role="application" width="${DOTS * 2}" height="${DOTS * 2}"
        aria-label="Sheet to draw on. Arrow keys move the pen, the space bar lowers and
        lifts it."></canvas>
      <canvas class="live-image" role="img" width="${SIZE}" height="${SIZE}"
        aria-label="What the network gets: 28 by 28 pixels"></canvas>
      <table><tbody>${Array.from({ length: 10 }, (_, k) => `<tr><th scope="row">${k}</th>
        <td><meter min="0" max="1" aria-label="${k}"></meter></td><td></td></tr>`)
        .join("")}</tbody></table>
    </div>
    <p><label><input type="checkbox" checked> Make it as large as MNIST's digits, and
      centre it</label></p>
    <p>
      <button type="button" data-do="clear">Clear</button>
      <button type="button" data-do="example">Somebody else's digit</button>
    </p>`);
  const [sheet, small] = figure.querySelectorAll("canvas");
  const rows = [...figure.querySelectorAll("tr")];
  const centred = figure.querySelector("input");
  const pen = { row: 30, column: 56, down: false, shown: false };
  const dots = new Uint8Array(DOTS * DOTS);
  let next = 0;

  // MNIST's makers scaled each digit to fit a square of 20 pixels, and put its
  // centre of mass into the middle of the image.
  function view() {
    const full = { scale: DOTS / SIZE, row: DOTS / 2, column: DOTS / 2 };
    if (!centred.checked) return full;
    let [top, left, bottom, right, mass, down, across] = [DOTS, DOTS, 0, 0, 0, 0, 0];
    dots.forEach((dot, i) => {
      if (!dot) return;
      const [row, column] = [Math.floor(i / DOTS), i % DOTS];
      [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
      [left, right] = [Math.min(left, column), Math.max(right, column)];
      [mass, down, across] = [mass + 1, down + row, across + column];
    });
    const scale = Math.max(bottom - top + 1, right - left + 1) / DIGIT;
    return { scale, row: down / mass + 0.5, column: across / mass + 0.5 };
  }

  // A pixel's ink is the share of black dots under 6 × 6 places in it.
  function image() {
    const { scale, row, column } = view();
    const values = new Float32Array(SIZE * SIZE);
    for (let i = 0; i < values.length; i++)
      for (let k = 0; k < 36; k++) {
        const r = Math.floor(i / SIZE) + (Math.floor(k / 6) + 0.5) / 6 - SIZE / 2;
        const c = (i % SIZE) + ((k % 6) + 0.5) / 6 - SIZE / 2;
        const [y, x] = [Math.floor(row + r * scale), Math.floor(column + c * scale)];
        if (x >= 0 && y >= 0 && x < DOTS && y < DOTS) values[i] += dots[y * DOTS + x] / 36;
      }
    return values;
  }

  function draw() {
    const context = sheet.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.fillStyle = "black";
    dots.forEach((dot, i) => {
      if (dot) context.fillRect(2 * (i % DOTS), 2 * Math.floor(i / DOTS), 2, 2);
    });
    if (pen.shown) {
      context.strokeStyle = "#D55E00";
      context.lineWidth = pen.down ? 4 : 2;
      context.strokeRect(2 * (pen.column - PEN), 2 * (pen.row - PEN), 4 * PEN, 4 * PEN);
    }
    const empty = !dots.includes(1);
    const values = empty ? new Float32Array(SIZE * SIZE) : image();
    const pixels = small.getContext("2d").createImageData(SIZE, SIZE);
    values.forEach((ink, i) => {
      const gray = 255 - 255 * ink;
      pixels.data.set([gray, gray, gray, 255], 4 * i);
    });
    small.getContext("2d").putImageData(pixels, 0, 0);
    const shares = empty ? Array(10).fill(0) : softmax(scores(values));
    shares.forEach((share, k) => {
      rows[k].querySelector("meter").value = share;
      rows[k].lastElementChild.textContent = empty ? "" : share.toFixed(2);
    });
    const answer = shares.indexOf(Math.max(...shares));
    status.textContent = empty ? "The sheet is empty." : `The network reads ${answer}.`;
  }

  function stroke(from, to) {
    const length = Math.ceil(Math.hypot(to.row - from.row, to.column - from.column)) || 1;
    for (let k = 0; k <= length; k++) {
      const row = from.row + ((to.row - from.row) * k) / length;
      const column = from.column + ((to.column - from.column) * k) / length;
      for (let r = Math.ceil(row - PEN); r <= row + PEN; r++)
        for (let c = Math.ceil(column - PEN); c <= column + PEN; c++)
          if (r >= 0 && c >= 0 && r < DOTS && c < DOTS)
            if (Math.hypot(r - row, c - column) <= PEN) dots[r * DOTS + c] = 1;
    }
    draw();
  }

  const at = (event) => ({
    row: (event.offsetY / sheet.clientHeight) * DOTS,
    column: (event.offsetX / sheet.clientWidth) * DOTS,
  });
  let last;
  const begin = (event) => {
    pen.shown = false;
    last = at(event);
    stroke(last, last);
  };
  const goOn = (event) => {
    const here = at(event);
    stroke(last, here);
    last = here;
  };
  live.onDrag(sheet, goOn, begin);
  live.onArrows(sheet, (right, down) => {
    const before = { ...pen };
    pen.shown = true;
    pen.row = live.clamp(pen.row + 4 * down, 0, DOTS - 1);
    pen.column = live.clamp(pen.column + 4 * right, 0, DOTS - 1);
    if (pen.down) stroke(before, pen);
    else draw();
  });
  sheet.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    [pen.shown, pen.down] = [true, !pen.down];
    if (pen.down) stroke(pen, pen);
    else draw();
  });
  const actions = {
    clear: () => dots.fill(0),
    // Scikit-learn's digits are 8 × 8 grays: enlarged tenfold, smoothly, and black
    // where they are darker than the middle.
    example: () => {
      const digit = digits[next];
      next = (next + 1) % digits.length;
      const gray = (row, column) =>
        row >= 0 && column >= 0 && row < 8 && column < 8 ? digit[8 * row + column] : 0;
      dots.forEach((_, i) => {
        const [y, x] = [(Math.floor(i / DOTS) - 21) / 10, ((i % DOTS) - 21) / 10];
        const [row, column] = [Math.floor(y), Math.floor(x)];
        const [down, right] = [y - row, x - column];
        const between = (r) =>
          (1 - right) * gray(r, column) + right * gray(r, column + 1);
        dots[i] = (1 - down) * between(row) + down * between(row + 1) > 8 ? 1 : 0;
      });
    },
  };
  live.onButtons(figure, actions, draw);
  centred.addEventListener("change", draw);
  actions.example();
  draw();
  figure.hidden = false;
  Object.assign(figure, { scores, image }); // for the book's tests
})();
