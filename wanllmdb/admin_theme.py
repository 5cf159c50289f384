"""How the Django admin looks, for unfold: in the colours of static/css/tokens.css, which its own stylesheet reads."""

_GREYS = "#f7f7f5 #f1f1ee #e3e3de #d3d3cd #9b9ea5 #6b6f77 #5b5e66 #3a3f46 #2d3136 #131416 #0d0e0f"
_BLUES = "#edf1fd #dde5fb #c3d0f8 #a9bdfb #93aeff #7d9bf7 #2f55c8 #2849ad #23408f #1f2945 #161d33"
_WEIGHTS = (50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 950)
UNFOLD = {
    "SITE_TITLE": "wanLLMDB",
    "SITE_HEADER": "wanLLMDB",
    "SITE_SUBHEADER": "Administration",
    "SITE_ICON": "wanllmdb.administration.icon",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/favicon.svg"}],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "base": dict(zip(map(str, _WEIGHTS), _GREYS.split(), strict=True)),
        "primary": dict(zip(map(str, _WEIGHTS), _BLUES.split(), strict=True)),
        "font": {
            "subtle-light": "#5b5e66",
            "subtle-dark": "#a2a7af",
            "default-light": "#1c1d20",
            "default-dark": "#e7e8ea",
            "important-light": "#1c1d20",
            "important-dark": "#e7e8ea",
        },
    },
    "STYLES": ["wanllmdb.administration.tokens_stylesheet", "wanllmdb.administration.admin_stylesheet"],
    "SCRIPTS": ["wanllmdb.administration.theme_script"],
    "THEME": "wanllmdb.administration.theme",
    "DASHBOARD_CALLBACK": "wanllmdb.administration.index",
    "SIDEBAR": {"navigation": "wanllmdb.administration.navigation"},
}
