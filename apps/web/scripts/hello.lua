-- Says hello, and shows what a script is told of a request.
local answered = 0

local function rows(names)
  local sorted, out = {}, {}
  for name in pairs(names) do sorted[#sorted + 1] = name end
  table.sort(sorted)
  for _, name in ipairs(sorted) do
    out[#out + 1] = ("<tr><th>%s<td>%s"):format(escape(name), escape(names[name]))
  end
  return table.concat(out, "\n")
end

function handle(request)
  answered = answered + 1
  local name = request.query.name or request.headers["user-agent"] or "world"
  return 200, "text/html; charset=utf-8", ([[<!doctype html><html lang=en><meta charset=utf-8>
<meta name=viewport content="width=device-width"><title>Hello</title>
<style>:root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:48em;margin:3em auto;padding:0 1em}
th{text-align:left;font-weight:600;padding-right:1em;vertical-align:top}td{overflow-wrap:anywhere}</style>
<h1>Hello, %s!</h1>
<p>Answer %d of this process, by %s, at %s.
<table><tr><th>method<td>%s<tr><th>path<td>%s<tr><th>connection<td>%d</table>
<h2>Query</h2><table>%s</table><h2>Headers</h2><table>%s</table>
<p><a href='/ext/'>More scripts</a>]]):format(escape(name), answered, _VERSION, os.date(), escape(request.method),
    escape(request.path), request.client, rows(request.query), rows(request.headers))
end
