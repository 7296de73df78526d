// Runs before the first paint, so that a chosen theme does not flash. Everything else is in portal.js.
(function () {
  var root = document.documentElement;
  root.classList.add("js");
  try {
    var theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch (e) { /* storage is switched off: the system's theme it is */ }
})();
