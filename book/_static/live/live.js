// What the live figures have in common; each page loads this and its own figures.
"use strict";

const live = {
  // Find a figure by its name, and the numbers that its chapter gave it.
  open(name) {
    const figure = document.getElementById(`live-${name}`);
    return { figure, ...JSON.parse(figure.querySelector("script").textContent) };
  },

  // Fill it: a title, its controls, and a line of words that says what is seen.
  fill(figure, title, controls) {
    figure.innerHTML += `<p class="live-title">In your hand: ${title}</p>${controls}
      <p role="status"></p>`;
    return figure.querySelector("[role=status]");
  },

  // Call move(right, down) with -1, 0 or 1 when an arrow key is pressed.
  onArrows(node, move) {
    node.addEventListener("keydown", (event) => {
      const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0],
        ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
      if (!right && !down) return;
      event.preventDefault();
      move(right, down);
    });
  },

  // Call move(event) while a pointer is down, and begin(event) before, if there is one.
  onDrag(node, move, begin) {
    node.addEventListener("pointerdown", (event) => {
      node.setPointerCapture(event.pointerId);
      begin?.(event);
      node.onpointermove = move;
      node.onpointerup = node.onpointercancel = () => (node.onpointermove = null);
    });
  },

  // Call the action that a button names in `data-do`, then `after`, with the name.
  onButtons(figure, actions, after) {
    figure.addEventListener("click", (event) => {
      const name = event.target.dataset?.do;
      if (!name) return;
      actions[name]();
      after(name);
    });
  },

  clamp: (value, low, high) => Math.min(Math.max(value, low), high),

  // Whether the reader asked for rest: then nothing moves by itself.
  rests: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
};
