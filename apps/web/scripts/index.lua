-- What scripts there are: the page at /ext/.
local pages = {
  {"hello?name=newcomer", "says hello, and shows what a script is told of a request"},
  {"guestbook", "keeps entries in this process's memory, until that ends"},
  {"mandelbrot", "draws a picture"},
  {"crash", "ends this process: the request is answered 503, and the next one by a new process"},
}

function handle(request)
  local rows = {}
  for _, page in ipairs(pages) do
    rows[#rows + 1] = ("<li><a href='/ext/%s'>%s</a> %s"):format(page[1], page[1]:match("^%w+"), page[2])
  end
  return 200, "text/html; charset=utf-8", [[<!doctype html><html lang=en><meta charset=utf-8>
<meta name=viewport content="width=device-width"><title>Scripts</title>
<style>:root{color-scheme:light dark}body{font:16px/1.6 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em}</style>
<h1>Scripts</h1><p>Each of these pages is made by a script in Lua, in a sealed process of its own.
<ul>]] .. table.concat(rows, "\n") .. [[</ul><p><a href='/'>Back</a>]]
end
