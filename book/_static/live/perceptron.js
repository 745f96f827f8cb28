// The perceptron of its chapter, on points that the reader drags.
"use strict";

(() => {
  const { figure, X, y } = live.open("perceptron");
  const points = X.map((point) => [...point]);
  const MOST = 1000;
  let learner, timer, mistakes, w, latest, finished;

  // As in the chapter: pass through the points in order, yield after each mistake.
  function* steps() {
    let w = [0, 0];
    for (let learned = false; !learned; ) {
      learned = true;
      for (const [i, point] of points.entries()) {
        if (y[i] * (w[0] * point[0] + w[1] * point[1]) <= 0) {
          w = [w[0] + y[i] * point[0], w[1] + y[i] * point[1]];
          learned = false;
          yield { i, w };
        }
      }
    }
  }

  // The widest margin of any line through 0; negative if no line separates.
  // Signed points must lie in a half plane, that is, leave a gap above 180 degrees.
  function widestMargin() {
    const signed = points.map(([a, b], i) => [a * y[i], b * y[i]]);
    const margin = (angle) =>
      Math.min(...signed.map(([a, b]) => a * Math.cos(angle) + b * Math.sin(angle)));
    const angles = signed.map(([a, b]) => Math.atan2(b, a)).sort((a, b) => a - b);
    const gaps = angles.map((angle, i) =>
      i ? angle - angles[i - 1] : angle - angles.at(-1) + 2 * Math.PI,
    );
    const gap = Math.max(...gaps);
    const first = angles[gaps.indexOf(gap)];
    let [low, high] = [first + 1.5 * Math.PI - gap, first + Math.PI / 2];
    while (high - low > 1e-9) {
      const third = (high - low) / 3;
      if (margin(low + third) < margin(high - third)) low += third;
      else high -= third;
    }
    return margin((low + high) / 2);
  }

  const status = live.fill(figure, "drag a point, and let the perceptron learn", `
    <svg viewBox="-1.08 -1.08 2.16 2.16" role="group" aria-label="Points of two
      classes. Choose one with Tab and move it with the arrow keys."></svg>
    <p>
      <button type="button" data-do="step">Next mistake</button>
      <button type="button" data-do="run">Run</button>
      <button type="button" data-do="again">Start again</button>
      <button type="button" data-do="restore">The chapter's points</button>
    </p>`);
  const svg = figure.querySelector("svg");
  const shape = (name, attributes, parent = svg) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return parent.appendChild(node);
  };
  const ground = shape("rect", { x: -2, y: -2, width: 4, height: 4, fill: "#dcebf5" });
  const side = shape("rect", { x: -3, y: -3, width: 6, height: 3, fill: "#fbe6d6" });
  const line = shape("line", { x1: -3, x2: 3, stroke: "black", "stroke-width": 0.012 });
  const ring = shape("circle", {
    r: 0.065, fill: "none", stroke: "black", "stroke-width": 0.015,
  });
  const marks = points.map((_, i) => {
    const mark =
      y[i] < 0
        ? shape("circle", { r: 0.03, fill: "#0072B2" })
        : shape("rect", {
            x: -0.027, y: -0.027, width: 0.054, height: 0.054, fill: "#D55E00",
          });
    mark.setAttribute("tabindex", 0);
    mark.setAttribute("role", "button");
    live.onArrows(mark, (right, down) =>
      move(i, points[i][0] + right / 20, points[i][1] - down / 20),
    );
    live.onDrag(mark, (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(
        svg.getScreenCTM().inverse(),
      );
      move(i, at.x, -at.y);
    });
    return mark;
  });

  // Points stay in the unit disc, so that R is at most 1.
  function move(i, a, b) {
    const length = Math.max(1, Math.hypot(a, b));
    points[i] = [a / length, b / length];
    again();
  }

  function again() {
    clearInterval(timer);
    [learner, mistakes, w, latest, finished] = [steps(), 0, [0, 0], null, false];
    draw();
  }

  function step() {
    const { value, done } = learner.next();
    finished = done || mistakes + 1 >= MOST;
    if (!done) [mistakes, w, latest] = [mistakes + 1, value.w, value.i];
    if (finished) clearInterval(timer);
    draw();
  }

  function run() {
    clearInterval(timer);
    if (live.rests()) while (!finished) step();
    else timer = setInterval(step, 400);
  }

  function draw() {
    const turn = (Math.atan2(w[0], w[1]) * 180) / Math.PI;
    const learns = Math.hypot(...w) > 0;
    for (const part of [ground, side, line]) {
      part.setAttribute("transform", `rotate(${turn})`);
      part.setAttribute("visibility", learns ? "visible" : "hidden");
    }
    ring.setAttribute("visibility", latest === null ? "hidden" : "visible");
    let wrong = 0;
    points.forEach(([a, b], i) => {
      const here = `translate(${a} ${-b})`;
      marks[i].setAttribute("transform", here);
      const name = `Point ${i + 1}, ${y[i] < 0 ? "circle" : "square"}`;
      marks[i].setAttribute("aria-label", `${name}, at ${a.toFixed(2)}, ${b.toFixed(2)}`);
      if (i === latest) ring.setAttribute("transform", here);
      if (y[i] * (w[0] * a + w[1] * b) <= 0) wrong += 1;
    });
    const margin = widestMargin();
    const R = Math.max(...points.map((point) => Math.hypot(...point)));
    const bound =
      margin > 1e-6
        ? `Novikoff allows ${Math.floor((R / margin) ** 2 + 1e-6).toLocaleString("en")}.`
        : "No line through the centre separates these points: it will never end.";
    const end = !finished ? "" : wrong ? ` We stop after ${MOST}.` : " Learned.";
    status.textContent =
      `${mistakes} ${mistakes === 1 ? "mistake" : "mistakes"} made, ` +
      `${wrong} of ${points.length} points wrong.${end} ${bound}`;
  }

  const actions = {
    step, run, again,
    restore: () => {
      X.forEach((point, i) => (points[i] = [...point]));
      again();
    },
  };
  live.onButtons(figure, actions, (name) => {
    if (name === "step") clearInterval(timer);
  });
  again();
  figure.hidden = false;
})();
