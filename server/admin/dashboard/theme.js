// Runs before the page is drawn, so that one who has chosen a theme never sees the other flash by.
try {
  const chosen = localStorage.getItem('uni-api.theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be forbidden; then the system's theme is used.
}
