/* Elements. Text from records becomes text nodes, never markup. */
"use strict";

(() => {
  /** An element with attributes; `on` are its listeners. Children are elements and texts; empty ones are left out. */
  const el = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    const { on = {}, ...rest } = attributes;
    for (const [name, value] of Object.entries(rest)) {
      if (value === true) element.setAttribute(name, "");
      else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
    }
    for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
    return element;
  };

  /** A link inside the page. */
  const link = (address, ...children) => el("a", { href: address }, ...children);

  /** A list of terms and texts. */
  const terms = (pairs, name = "facts") =>
    el("dl", { class: name }, pairs.map(([term, text]) => el("div", {}, el("dt", {}, term), el("dd", {}, text))));

  /** A section with its heading. */
  const section = (title, ...children) => el("section", {}, el("h2", {}, title), ...children);

  /** A labelled choice: options are pairs of a value and a text. */
  const choice = (label, options, value, changed) => {
    const select = el(
      "select",
      { on: { change: () => changed(select.value) } },
      options.map(([each, text]) => el("option", { value: each, selected: each === value }, text)),
    );
    return el("label", { class: "choice" }, el("span", {}, label), select);
  };

  /** A search box with a live count. searched(words) filters, and gives [shown, all]. */
  const filter = (label, noun, searched) => {
    const box = el("input", { type: "search", autocomplete: "off", spellcheck: "false", placeholder: label, "aria-label": label });
    const count = el("output", { "aria-live": "polite" });
    const search = () => {
      const [shown, all] = searched(box.value.toLowerCase().split(/\s+/).filter(Boolean));
      count.textContent = shown === all ? `${all} ${noun}` : `${shown} of ${all} ${noun}`;
    };
    box.addEventListener("input", search);
    return { node: el("div", { class: "filter" }, box, count), search };
  };

  /** A command, and a button that copies it. */
  const command = (text) => {
    const copy = el("button", { type: "button", class: "quiet", on: { click: copied } }, "Copy");
    function copied() {
      navigator.clipboard.writeText(text).then(
        () => (copy.textContent = "Copied"),
        () => getSelection().selectAllChildren(code),
      );
    }
    const code = el("code", {}, text);
    return el("div", { class: "command" }, code, copy);
  };

  const address = {
    group: (group) => `#/group/${group.id}`,
    row: (group, row) => `#/group/${group.id}/row/${row.id}`,
    cell: (run) => `#/cell/${run.key}/${run.machine}`,
    compare: (group, one, other) => `#/compare?group=${group.id}&a=${one.id}&b=${other.id}`,
  };

  /** A row's name with its marks. provisional: of the runs that are shown. */
  const marked = (row, provisional = row.provisional) => [
    row.label,
    row.adapted && el("abbr", { title: "adapted from another modality" }, "†"),
    provisional && el("abbr", { title: "provisional: too few seeds to claim an order" }, "*"),
  ].filter(Boolean);

  Object.assign(kdbench, { el, link, terms, section, choice, filter, command, address, marked });
})();
