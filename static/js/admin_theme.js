// The admin's own script keeps a theme in the browser, and prefers it: here the server says which one it is.
localStorage.setItem("adminTheme", JSON.stringify(document.documentElement.className || "auto"));
