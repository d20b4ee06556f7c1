// Runs before the page is drawn, so that it never flashes in the wrong colours.
{
  const chosen = localStorage.getItem("anabranch-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
