// What every page does: each behaviour is a small module of its own and finds its elements by data- attributes.
import "./copy.js";
import "./dialogs.js";
import "./filters.js";
import "./keys.js";
import "./live.js";
import "./plans.js";
import "./refusals.js";
import "./search.js";
import "./tabs.js";
import "./toasts.js";
import "./validity.js";
