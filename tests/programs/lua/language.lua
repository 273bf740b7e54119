-- The language itself: arithmetic, control, closures, varargs, goto, metatables, coroutines, to-be-closed variables.
print(...)
print(1 // 0.0, -1 // 0.0, 0.0 / 0.0 ~= 0.0 / 0.0, 7 // -2, -7 % 3, 7.5 % -2, 1 << 63, 1 << 64, -1 >> 60, ~0)
print(math.maxinteger + 1 == math.mininteger, math.maxinteger * 2.0, 2^53 + 1, 10 // 3, 10 / 2, 3 | 4, 5 ~ 1)
print(1e15, 1e16, 0.1, 1 / 3, 123456789012345678, 0x7fffffffffffffff, 0xA.8p1, "10" + 5, "0x10" * 1, 10 .. 20)

local function varargs(...)
  local first, second = ...
  return select("#", ...), first, second, select(-1, ...)
end
print(varargs(1, nil, 3))
print((varargs(1, 2)))

local counters = {}
for i = 1, 3 do counters[i] = function() i = i + 1; return i end end
print(counters[1](), counters[1](), counters[2](), counters[3]())

for i = 10, 1, -3 do io.write(i, " ") end
for i = 1.0, 2.0, 0.25 do io.write(i, " ") end
print()

do
  local i = 1
  ::top::
  if i <= 3 then io.write("goto ", i, " "); i = i + 1; goto top end
  print()
end

local Vector = {}
Vector.__index = Vector
Vector.__add = function(a, b) return setmetatable({ x = a.x + b.x, y = a.y + b.y }, Vector) end
Vector.__eq = function(a, b) return a.x == b.x and a.y == b.y end
Vector.__lt = function(a, b) return a.x < b.x end
Vector.__le = function(a, b) return a.x <= b.x end
Vector.__tostring = function(a) return "(" .. a.x .. ", " .. a.y .. ")" end
Vector.__len = function() return 2 end
Vector.__call = function(self, k) return self.x * k end
Vector.__concat = function(a, b) return tostring(a) .. "&" .. tostring(b) end
Vector.__unm = function(a) return setmetatable({ x = -a.x, y = -a.y }, Vector) end
local a, b = setmetatable({ x = 1, y = 2 }, Vector), setmetatable({ x = 3, y = 4 }, Vector)
print(tostring(a + b), a == b, a < b, a <= b, #a, a(10), a .. b, tostring(-a))
local defaults = setmetatable({}, { __index = function(_, k) return k .. "?" end, __newindex = function(t, k, v) rawset(t, k, v * 2) end })
defaults.x = 21
print(defaults.x, defaults.y, rawget(defaults, "y"))

local producer = coroutine.wrap(function(start)
  for i = start, start + 3 do
    local more = coroutine.yield(i, i * i)
    if more then io.write("[", more, "] ") end
  end
  return "end"
end)
print(producer(5), producer("a"), producer("b"), producer(), producer())
local broken = coroutine.create(function() error({ code = 7 }) end)
local good, reason = coroutine.resume(broken)
print(good, type(reason), reason.code, coroutine.status(broken), (coroutine.close(broken)))
local nested = coroutine.wrap(function() for i = 1, 3 do local inner = coroutine.wrap(function() coroutine.yield(i * 10) end); coroutine.yield(inner()) end end)
print(nested(), nested(), nested())

do
  local log = {}
  local function closing(name) return setmetatable({}, { __close = function(_, e) log[#log + 1] = name .. ":" .. tostring(e) end }) end
  do
    local one <close> = closing("one")
    local two <close> = closing("two")
    local fixed <const> = 5
    log[#log + 1] = "body " .. fixed
  end
  pcall(function() local three <close> = closing("three"); error("bang", 0) end)
  print(table.concat(log, " "))
end

print(pcall(error, "plain"), pcall(error), select(2, pcall(error, nil)))
print(select(2, pcall(function() local x = nil; return x.y end)))
print(select(2, pcall(function() return 1 + {} end)))
print(select(2, pcall(function() return #5 end)))
print(select(2, pcall(function() return 1 < "2" end)))
print(select(2, pcall(function() return 2^53 | 0.5 end)))
print(select(2, pcall(function() return 1 // 0 end)))
print(xpcall(function() error("deep") end, function(message) return "handled " .. message end))
local function deep(n) return 1 + deep(n + 1) end
local ok, message = pcall(deep, 1)
print(ok, (message:gsub("^(.-stack overflow).*", "%1")))
local traced = debug.traceback("trace", 1)
print((traced:gsub("\n.*", "")))
print(load("return 1 +")) print(load("x = = 1")) print(load("return ...", "chunk", "t", {})(9))
print(string.dump(function() return 1 end):sub(1, 4) == "\27Lua", load(string.dump(function(x) return x * 2 end))(21))
