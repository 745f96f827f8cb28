// Turns "Predict." lists into choices. The answers stay on the reader's device.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const quotes = [...document.querySelectorAll("blockquote")].filter(
    (quote) =>
      quote.querySelector("strong")?.textContent === "Predict." &&
      quote.nextElementSibling?.matches("details"),
  );
  if (!quotes.length) return;
  const page = location.pathname.split("/").slice(-2).join("/");
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  document.querySelector(".chapter-facts")?.append(status);
  const committed = new Set();

  quotes.forEach((quote, position) => {
    const key = `predict: ${page}: ${position + 1}`;
    const [question, list] = quote.querySelectorAll("p, ul");
    const reveal = quote.nextElementSibling;

    const legend = document.createElement("legend");
    legend.append(...question.childNodes);
    const fieldset = document.createElement("fieldset");
    fieldset.append(legend);
    const radios = [...list.children].map((item, index) => {
      const radio = document.createElement("input");
      Object.assign(radio, { type: "radio", name: key, value: index });
      const label = document.createElement("label");
      label.append(radio, ...(item.querySelector("p") ?? item).childNodes);
      fieldset.append(label);
      return radio;
    });
    const button = document.createElement("button");
    button.type = "button";
    fieldset.append(button);
    quote.replaceChildren(fieldset);
    quote.classList.add("predict");

    const show = (answer) => {
      radios.forEach((radio, index) => {
        radio.checked = index === answer;
        radio.disabled = answer !== null;
      });
      button.textContent = answer === null ? "Commit, then reveal" : "Take it back";
      button.disabled = answer === null;
      answer === null ? committed.delete(key) : committed.add(key);
      status.textContent = ` · ${committed.size} of ${quotes.length} predictions made`;
    };
    fieldset.addEventListener("change", () => (button.disabled = false));
    button.addEventListener("click", () => {
      const answer = radios.findIndex((radio) => radio.checked);
      const commits = !committed.has(key);
      store(key, commits ? answer : null);
      show(commits ? answer : null);
      reveal.open = commits;
    });
    show(stored(key, radios.length));
  });
});

// A browser may forbid a page to remember: then it forgets when it is closed.
function store(key, answer) {
  try {
    answer === null ? localStorage.removeItem(key) : localStorage.setItem(key, answer);
  } catch {}
}

function stored(key, options) {
  try {
    const answer = Number.parseInt(localStorage.getItem(key), 10);
    return answer >= 0 && answer < options ? answer : null;
  } catch {
    return null;
  }
}
