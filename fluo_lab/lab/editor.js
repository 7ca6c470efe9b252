// The rule editor: a textarea over a coloured copy of its text. What a text means is the kernel's business;
// here are typing, colour and marks, so that none of these ever waits for a busy kernel.

const DEBOUNCE_MS = 120;
const BUSY_AFTER_MS = 400;
const MUTED_AFTER_MS = 600;
const KEYWORDS = "when always never per within and or not in contains matches exists event same as without unique";
const FUNCTIONS = "trace has every must where count sum min max avg distinct rising duration spans after before " +
  "starts_after starts_before overlaps under over child_of parent_of sibling_of beside attr";
const TOKEN = /(?<c>\/\/[^\n]*)|(?<s>"(?:\\.|[^"\\\n])*"?)|(?<n>\b\d[\d.eE+]*(?:ns|us|ms|s|m|h)?\b)|(?<w>[A-Za-z_][\w.-]*)/gu;
const VERDICTS = [
  ["pass", "✔", "holds", "#009e73"],
  ["violation", "✖", "violated", "#d55e00"],
  ["inconclusive", "?", "cannot know", "#b8a800"],
  ["not_applicable", "—", "did not apply", "#8d8d8d"],
];

function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function classOf(word, keywords, functions) {
  if (keywords.has(word)) return "fluo-k";
  if (word === "true" || word === "false") return "fluo-l";
  return word.split(".").every((part) => functions.has(part)) ? "fluo-f" : "";
}

// Returns [start, end, class] for each coloured stretch; offsets in UTF-16 units, as all of JavaScript counts.
function colours(text, keywords, functions) {
  const found = [];
  for (const match of text.matchAll(TOKEN)) {
    const { c, s, n, w } = match.groups;
    const start = match.index;
    if (c) found.push([start, start + c.length, "fluo-c"]);
    else if (s || n) found.push([start, start + match[0].length, "fluo-l"]);
    else if (w) {
      const name = classOf(w, keywords, functions);
      if (name) found.push([start, start + w.length, name]);
    }
  }
  return found;
}

// Python counts characters, JavaScript UTF-16 units.
function toUnits(text, characters) {
  let units = 0;
  for (const character of text) {
    if (characters-- <= 0) break;
    units += character.length;
  }
  return units;
}

function paint(pre, text, stretches, marks) {
  const edges = new Set([0, text.length]);
  for (const [start, end] of [...stretches, ...marks]) edges.add(start).add(end);
  const cuts = [...edges].filter((at) => at <= text.length).sort((a, b) => a - b);
  pre.replaceChildren();
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [from, to] = [cuts[i], cuts[i + 1]];
    const names = [...stretches, ...marks].filter(([s, e]) => s <= from && to <= e).map((x) => x[2]);
    const part = text.slice(from, to);
    pre.append(names.length ? make("span", names.join(" "), part) : part);
  }
  pre.append("\n");  // a last empty line has no height of its own
}

function render({ model, el }) {
  const keywords = new Set(KEYWORDS.split(" "));
  const functions = new Set(FUNCTIONS.split(" "));
  const root = make("div", "fluo-workbench");
  root.setAttribute("data-lm-suppress-shortcuts", "true");
  root.setAttribute("data-jp-suppress-context-menu", "true");
  const columns = make("div", "fluo-columns");
  const left = make("div");
  const right = make("div");
  const edit = make("div", "fluo-edit");
  const pre = make("pre");
  const area = make("textarea");
  const findings = make("ul", "fluo-findings");
  const reading = make("div", "fluo-reading");
  const canonical = make("div", "fluo-canonical");
  const counts = make("div", "fluo-counts");
  const bar = make("div", "fluo-bar");
  const note = make("div", "fluo-note");
  const all = make("button", "", "Test on all");
  const violations = make("div", "fluo-violations");

  pre.setAttribute("aria-hidden", "true");
  area.spellcheck = false;
  area.setAttribute("autocapitalize", "off");
  area.setAttribute("autocomplete", "off");
  area.setAttribute("aria-label", "Rule");
  area.placeholder = "trace.has(payment.charge) and trace.has(inventory.reserve)";
  findings.id = `fluo-findings-${Math.random().toString(36).slice(2)}`;
  area.setAttribute("aria-describedby", findings.id);
  for (const live of [findings, note]) {
    live.setAttribute("role", "status");
    live.setAttribute("aria-live", "polite");
  }
  counts.setAttribute("role", "group");
  counts.setAttribute("aria-label", "Verdicts");
  bar.setAttribute("aria-hidden", "true");
  all.type = "button";
  all.title = "Judge every trace loaded, not only the sample";

  edit.append(pre, area);
  left.append(edit, findings, reading, canonical);
  right.append(counts, bar, note, all);
  columns.append(left, right);
  root.append(columns, violations);
  el.append(root);

  let sent = model.get("value");
  let sending = 0;
  let busy = 0;
  let muting = 0;
  area.value = sent;

  const isAnswered = () => model.get("judged_value") === area.value;

  function showText() {
    const text = area.value;
    const marks = [];
    if (isAnswered()) {
      for (const found of model.get("diagnostics")) {
        if (!found.is_error || found.is_incomplete_text) continue;
        const start = toUnits(text, found.start);
        const end = toUnits(text, found.end);
        marks.push(end > start ? [start, end, "fluo-error"] : [Math.max(0, start - 1), start, "fluo-point"]);
      }
    }
    area.setAttribute("aria-invalid", String(marks.length > 0));
    paint(pre, text, colours(text, keywords, functions), marks);
  }

  function replace(found, text) {
    const value = area.value;
    const start = toUnits(value, found.start);
    area.value = value.slice(0, start) + text + value.slice(toUnits(value, found.end));
    area.focus();
    area.setSelectionRange(start + text.length, start + text.length);
    typed();
  }

  function finding(found) {
    const kind = found.is_incomplete_text ? "is-unfinished" : found.is_error ? "is-error" : "is-warning";
    const glyph = found.is_incomplete_text ? "…" : found.is_error ? "✖" : "!";
    const item = make("li", kind);
    item.append(make("span", "fluo-glyph", glyph), found.message);
    if (found.replacement) {
      const button = make("button", "", `Replace by ${found.replacement}`);
      button.type = "button";
      button.addEventListener("click", () => replace(found, found.replacement));
      item.append(" ", button);
    } else if (found.hint) {
      item.append(make("span", "fluo-hint", ` — ${found.hint}`));
    }
    return item;
  }

  function showFindings() {
    clearTimeout(muting);
    const list = model.get("diagnostics");
    const show = () => findings.replaceChildren(...list.slice(0, 5).map(finding));
    // Text that somebody is still typing ends too early at every key.
    if (list.some((found) => found.is_incomplete_text) && document.activeElement === area) {
      findings.replaceChildren();
      muting = setTimeout(show, MUTED_AFTER_MS);
    } else show();
  }

  function showCounts() {
    const numbers = model.get("counts");
    const total = VERDICTS.reduce((sum, [key]) => sum + (numbers[key] ?? 0), 0);
    counts.replaceChildren();
    bar.replaceChildren();
    for (const [key, glyph, word, colour] of VERDICTS) {
      const one = make("div", "fluo-count");
      one.dataset.verdict = key;
      one.style.borderLeftColor = colour;
      one.append(make("b", "", total ? numbers[key].toLocaleString("en") : "·"), make("span", "", `${glyph} ${word}`));
      counts.append(one);
      if (!total || !numbers[key]) continue;
      const part = make("div");
      part.style.cssText = `width:${(100 * numbers[key]) / total}%;min-width:2px;background:${colour}`;
      if (key === "not_applicable") part.style.opacity = "0.4";
      bar.append(part);
    }
  }

  function showViolations() {
    const list = model.get("violations");
    const focused = violations.contains(document.activeElement) ? document.activeElement.title : "";
    violations.replaceChildren();
    if (!list.length) return;
    const chips = make("div", "fluo-chips");
    chips.append(make("span", "", "First violations:"));
    for (const traceId of list) {
      const chip = make("button", "", traceId.slice(0, 12));
      chip.type = "button";
      chip.title = traceId;
      chip.setAttribute("aria-label", `Show trace ${traceId}`);
      chip.setAttribute("aria-pressed", String(traceId === model.get("selected")));
      chip.addEventListener("click", () => {
        model.set("selected", traceId);
        model.save_changes();
      });
      chips.append(chip);
    }
    const picture = make("div");
    picture.innerHTML = model.get("picture");  // markup the kernel made, with every text in it escaped
    violations.append(chips, picture);
    if (focused) [...chips.children].find((chip) => chip.title === focused)?.focus();
  }

  function showState() {
    const isCurrent = isAnswered();
    for (const part of [counts, bar, violations, reading, canonical]) {
      part.classList.toggle("is-stale", !isCurrent || !model.get("reading"));
    }
    if (!isCurrent) return;
    clearTimeout(busy);
    reading.textContent = model.get("reading");
    const full = model.get("canonical");
    canonical.textContent = full.replace(/\s+/g, " ") === area.value.trim().replace(/\s+/g, " ") ? "" : full;
    note.textContent = model.get("sample_note");
    all.hidden = !model.get("is_sampled");
    showText();
    showFindings();
    if (model.get("reading")) {
      showCounts();
      showViolations();
    }
  }

  function typed() {
    showText();
    showState();
    clearTimeout(sending);
    clearTimeout(busy);
    sending = setTimeout(() => {
      sent = area.value;
      model.set("value", sent);
      model.save_changes();
      busy = setTimeout(() => {
        if (!isAnswered()) note.textContent = "The kernel is busy; the numbers follow.";
      }, BUSY_AFTER_MS);
    }, DEBOUNCE_MS);
  }

  area.addEventListener("input", typed);
  for (const name of ["keydown", "keypress", "keyup"]) area.addEventListener(name, (event) => event.stopPropagation());
  all.addEventListener("click", () => {
    model.set("is_on_all", true);
    model.save_changes();
  });
  const onValue = () => {
    if (model.get("value") === sent) return;  // our own text, echoed
    sent = model.get("value");
    area.value = sent;
    showText();
  };
  const onPicture = () => showViolations();
  model.on("change:value", onValue);
  model.on("change:serial", showState);
  model.on("change:picture", onPicture);
  showText();
  showCounts();
  showState();

  return () => {
    for (const timer of [sending, busy, muting]) clearTimeout(timer);
    model.off("change:value", onValue);
    model.off("change:serial", showState);
    model.off("change:picture", onPicture);
  };
}

export default { render };
