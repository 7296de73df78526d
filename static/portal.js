// Improves pages that work without it: theme switch, menus, copy buttons, dismissing messages, mistakes in forms.
(function () {
  "use strict";
  var root = document.documentElement;

  function setTheme(theme) {
    if (theme === "system") delete root.dataset.theme; else root.dataset.theme = theme;
    try {
      if (theme === "system") localStorage.removeItem("theme"); else localStorage.setItem("theme", theme);
    } catch (e) { /* not kept, but shown */ }
  }

  function showTheme() {
    var theme = root.dataset.theme || "system";
    document.querySelectorAll("[name=theme]").forEach(function (choice) { choice.checked = choice.value === theme; });
  }

  document.addEventListener("change", function (event) {
    if (event.target.name === "theme") setTheme(event.target.value);
    if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  });

  document.addEventListener("click", function (event) {
    var menu = event.target.closest("[data-menu]");
    if (menu) {
      var open = document.body.classList.toggle("nav-open");
      menu.setAttribute("aria-expanded", String(open));
    }
    var dismiss = event.target.closest("[data-dismiss]");
    if (dismiss) dismiss.closest("[data-dismissable]").remove();
    var copy = event.target.closest("[data-copy]");
    if (copy) copyText(copy);
    closeMenusAround(event.target);
  });

  // Who tabs on from a menu's last entry has left it.
  document.addEventListener("focusin", function (event) { closeMenusAround(event.target); });

  function closeMenusAround(target) {
    document.querySelectorAll("details.menu[open]").forEach(function (details) {
      if (!details.contains(target)) details.open = false;
    });
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") {
      document.querySelectorAll("details.menu[open]").forEach(function (details) {
        details.open = false;
        details.querySelector("summary").focus();
      });
    }
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      var search = document.querySelector("[data-search]");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
  });

  function copyText(button) {
    var source = document.getElementById(button.dataset.copy);
    var text = source.value !== undefined ? source.value : source.textContent.trim();
    var said = button.querySelector("[data-said]");
    navigator.clipboard.writeText(text).then(
      function () { said.textContent = "Copied"; },
      function () { if (source.select) source.select(); said.textContent = "Press Ctrl-C"; }
    );
  }

  // Filters that are not set stay out of the address.
  document.addEventListener("htmx:configRequest", function (event) {
    if (!event.target.matches(".filter-bar")) return;
    var sent = event.detail.formData;
    Array.from(sent.keys()).forEach(function (name) { if (sent.get(name) === "") sent.delete(name); });
  });

  // The navigation is longer than most windows: it opens where somebody is.
  function showPlace() {
    var sidebar = document.querySelector(".sidebar");
    var current = sidebar && sidebar.querySelector("[aria-current]");
    if (!current) return;
    var below = current.getBoundingClientRect().bottom - sidebar.getBoundingClientRect().bottom;
    if (below > 0) sidebar.scrollTop = below + sidebar.clientHeight / 3;
  }

  // A form that came back opens at its first mistake: screen readers read field and error, others see it.
  function showMistake() {
    var field = document.querySelector("form:not(.filter-bar) [aria-invalid=true]");
    if (field) field.focus();
  }

  document.addEventListener("DOMContentLoaded", showMistake);
  document.addEventListener("DOMContentLoaded", showTheme);
  document.addEventListener("DOMContentLoaded", showPlace);
})();
