"use strict";
{
  // A button beside each text that is there to be copied; without script, it can be selected.
  for (const text of document.querySelectorAll("pre[data-copy]")) {
    const button = document.createElement("button");
    const status = document.createElement("span");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${text.getAttribute("aria-label")}`);
    status.setAttribute("role", "status");
    status.className = "hidden";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
      } catch {
        getSelection().selectAllChildren(text);
        if (!document.execCommand("copy")) return;
      }
      button.textContent = status.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    text.before(button, status);
  }
}
