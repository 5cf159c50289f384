// What every page does: each behaviour is a small module of its own and finds its elements by data- attributes.
import "./copy.js";
import "./dialogs.js";
import "./filters.js";
import "./forms.js";
import "./live_updates.js";
import "./request_errors.js";
import "./search.js";
import "./shortcuts.js";
import "./tabs.js";
import "./checkboxes.js";
import "./toasts.js";
