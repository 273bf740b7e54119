-- Errors of every kind, and attempts to outlive the limits.
local kinds = {
  text = function() error("<script>alert('&')</script>") end,
  escape = function() error("\27]0;taken\7\27[31m\155") end,
  table = function() error({}) end,
  nothing = function() error(nil) end,
  index = function() return nil .. "" end,
  tostring = function() error(setmetatable({}, {__tostring = function() error("again") end})) end,
  loop = function() while true do end end,
  caught = function() while true do pcall(function() while true do end end) end end,
  coroutine = function()
    while true do coroutine.wrap(function() pcall(function() while true do end end) end)() end
  end,
  close = function()
    local x <close> = setmetatable({}, {__close = function() while true do end end})
    error("closing")
  end,
  collected = function() setmetatable({}, {__gc = function() while true do end end}) for i = 1, 1e7 do local t = {} end end,
  recursion = function() local function f() return 1 + f() end return f() end,
  depth = function() return ("("):rep(1e5) .. tostring(load(("("):rep(1e5))) end,
  memory = function() local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end end,
  kept = function() kept = kept or {} while true do kept[#kept + 1] = ("x"):rep(1000) .. #kept end end,
  string = function() return ("x"):rep(1 << 40) end,
  binary = function() return load(string.dump(function() end), "x", "b") end,
  io = function() return io.open("/scripts/hello.lua") end,
  package = function() return require("os") end,
  execute = function() return os.execute("true") end,
  dofile = function() return dofile("/scripts/hello.lua") end,
  debug = function() return debug.sethook() end,
  unset = function() handle = nil error("unset") end,
}
function handle(request)
  kinds[request.query.kind]()
  return 200, "text/plain", "it returned"
end
