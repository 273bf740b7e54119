-- The Mandelbrot set as SVG: a rectangle for each run of equal colour. /ext/mandelbrot?x=-0.7436&y=0.1318&size=0.002
local columns, rows, most = 160, 120, 96

local function steps(a, b)
  local x, y, x2, y2 = 0, 0, 0, 0
  for step = 1, most do
    y = 2 * x * y + b
    x = x2 - y2 + a
    x2, y2 = x * x, y * y
    if x2 + y2 > 4 then return step end
  end
  return 0
end

local function colour(step)
  if step == 0 then return "#0b1020" end
  return ("hsl(%d %d%% %d%%)"):format((200 + step * 7) % 360, 70, 30 + math.min(55, step * 2))
end

function handle(request)
  local x, y = tonumber(request.query.x) or -0.6, tonumber(request.query.y) or 0
  local size = tonumber(request.query.size) or 3
  if not (size > 0 and size <= 8) then
    return 400, "text/plain; charset=utf-8", "size must be greater than 0 and at most 8\n"
  end
  local out = {([[<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">
<title>The Mandelbrot set around %g%+gi</title>]]):format(columns, rows, x, y)}
  for row = 0, rows - 1 do
    local b, column = y + (row / rows - 0.5) * size * rows / columns, 0
    while column < columns do
      local first, step = column, steps(x + (column / columns - 0.5) * size, b)
      repeat
        column = column + 1
      until column == columns or steps(x + (column / columns - 0.5) * size, b) ~= step
      out[#out + 1] = ("<path fill='%s' d='M%d %dh%dv1h-%dz'/>"):format(colour(step), first, row, column - first,
        column - first)
    end
  end
  out[#out + 1] = "</svg>\n"
  return 200, "image/svg+xml", table.concat(out, "\n")
end
