-- A guest book that lives in the memory of its process: when that ends, it begins anew.
local most, entries, total, began = 100, {}, 0, os.date()

local function add(name, words)
  total = total + 1
  table.insert(entries, 1, {number = total, name = name:sub(1, 60), words = words:sub(1, 500), when = os.date()})
  entries[most + 1] = nil
end

function handle(request)
  local note = ""
  if request.method == "POST" then
    local form = parse(request.body)
    if (form.words or "") ~= "" then
      add((form.name or "") ~= "" and form.name or "somebody", form.words)
    else
      note = "<p role=alert>An entry needs words.</p>"
    end
  elseif request.method ~= "GET" and request.method ~= "HEAD" then
    return 405, "text/plain; charset=utf-8", "The guest book is read with GET and written with POST.\n"
  end
  local list = {}
  for i, entry in ipairs(entries) do
    list[i] = ("<li value=%d><p><b>%s</b> <time>%s</time><p>%s"):format(entry.number, escape(entry.name), entry.when,
      escape(entry.words))
  end
  return 200, "text/html; charset=utf-8", ([[<!doctype html><html lang=en><meta charset=utf-8>
<meta name=viewport content="width=device-width"><title>Guest book</title>
<style>:root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}
label{display:block}input,textarea{font:inherit;width:100%%;box-sizing:border-box}time{opacity:.7;font-size:smaller}
li p{margin:.2em 0;overflow-wrap:anywhere}</style>
<h1>Guest book</h1>
<p>%d entries since %s. They are in this process's memory: <a href='/ext/crash'>a crash</a> loses them.</p>%s
<form method=post action=/ext/guestbook><label>Name <input name=name maxlength=60></label>
<label>Words <textarea name=words rows=3 maxlength=500 required></textarea></label><p><button>Sign</button></form>
<ol reversed>%s</ol><p><a href='/ext/'>More scripts</a>]]):format(total, began, note, table.concat(list, "\n"))
end
