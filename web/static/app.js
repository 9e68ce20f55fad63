/* Keys and dialogs of the review pages. Text is only ever set through textContent; nothing here writes HTML. */
"use strict";
(function () {
  const find = (selector, root) => (root || document).querySelector(selector);
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const say = function (text) {
    find("#toast").textContent = text;
    setTimeout(() => { find("#toast").textContent = ""; }, 6000);
  };
  /** True while somebody writes, picks from a list, or composes Chinese; then keys are not ours. */
  const writing = (event) => event.isComposing || event.ctrlKey || event.altKey || event.metaKey ||
    /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox" && event.target.type !== "radio";

  const rows = () => all("[data-queue] tr[data-case]");
  let at = 0;
  const mark = function (to) {
    const listed = rows();
    if (!listed.length) return;
    at = Math.max(0, Math.min(to, listed.length - 1));
    listed.forEach((row, n) => row.classList.toggle("at", n === at));
    listed[at].scrollIntoView({ block: "nearest" });
    find("a[href]", listed[at]).focus({ preventScroll: true });
  };
  const ticked = () => all("[data-queue] input[name=case]:checked");

  const openBulk = function () {
    const chosen = ticked(), dialog = find("#bulk");
    if (!chosen.length) return say(document.documentElement.lang === "en" ? "Select cases first (X)" : "请先选中案件（X）");
    const box = find("[data-cases]", dialog);
    box.replaceChildren(...chosen.map(function (tick) {
      const hidden = document.createElement("input");
      hidden.type = "hidden";
      hidden.name = "case";
      hidden.value = tick.value;
      return hidden;
    }));
    find("[data-selected]", dialog).textContent = String(chosen.length);
    dialog.showModal();
  };

  document.addEventListener("keydown", function (event) {
    if (writing(event) || find("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if (find("[data-queue]")) {
      if (key === "j") mark(find("[data-queue] tr.at") ? at + 1 : 0);
      else if (key === "k") mark(at - 1);
      else if (key === "x") { const tick = find("tr.at input[name=case]"); if (tick && !tick.disabled) tick.checked = !tick.checked; }
      else if (key === "r") openBulk();
      else if (key === "/") find("#plate").focus();
      else return;
      event.preventDefault();
      return;
    }
    const wanted = find(`[data-key="${CSS.escape(key)}"]`);
    if (wanted && !wanted.disabled) {
      event.preventDefault();
      wanted.click();
    }
  });

  document.addEventListener("click", function (event) {
    const opener = event.target.closest("[data-open]"), closer = event.target.closest("[data-close]");
    if (opener) document.getElementById(opener.dataset.open).showModal();
    if (closer) closer.closest("dialog").close();
    if (event.target.matches("[data-all]")) all("[data-queue] input[name=case]:not(:disabled)").forEach((tick) => { tick.checked = event.target.checked; });
  });
  /* The plate filters while it is typed; leaving its field must not load the list again and lose what was ticked. */
  document.addEventListener("change", (event) => event.target.id === "plate" && event.stopPropagation(), true);
  /* Exports leave the page as plain requests, past htmx. */
  document.addEventListener("click", function (event) {
    const plain = event.target.closest("[data-plain]");
    if (!plain) return;
    event.preventDefault();
    event.stopPropagation();
    location.href = plain.getAttribute("formaction") + "?" + new URLSearchParams(new FormData(plain.form)).toString();
  }, true);
  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (form.dataset.sent) return event.preventDefault(); // a double click decides once
    if (form.method === "post") form.dataset.sent = "1";
  });
  document.addEventListener("htmx:responseError", function (event) {
    if (event.detail.xhr.status === 401) location.reload();
    else say(document.documentElement.lang === "en" ? "The server refused or failed; reload the page" : "服务器拒绝或出错，请刷新页面");
  });
  document.addEventListener("DOMContentLoaded", () => find("[data-queue] tr[data-case]") && mark(0));
})();
