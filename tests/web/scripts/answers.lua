-- Answers as they are asked for, most of them wrong.
local kinds = {
  nothing = function() end,
  status = function() return 99, "text/plain", "x" end,
  high = function() return 600, "text/plain", "x" end,
  float = function() return 200.5, "text/plain", "x" end,
  words = function() return "200 OK", "text/plain", "x" end,
  notype = function() return 200, nil, "x" end,
  empty = function() return 200, "", "x" end,
  long = function() return 200, ("t"):rep(256), "x" end,
  header = function() return 200, "text/plain\r\nset-cookie: a=b", "x" end,
  zero = function() return 200, "text/plain\0", "x" end,
  table = function() return 200, "text/plain", {} end,
  nobody = function() return 204, "text/plain" end,
  number = function() return 200, "text/plain", 42 end,
}
function handle(request)
  return kinds[request.query.kind]()
end
