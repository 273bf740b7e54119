-- The standard library: strings, patterns, formats, packing, tables, mathematics, UTF-8, dates.
print(("hello world"):find("o w"), ("hello"):find("l+"), ("a.b"):find(".", 1, true), ("key = value"):match("^(%w+)%s*=%s*(%w+)$"))
print(("abc"):gsub("%w", "%0%0"), ("hello world"):gsub("o", { o = "0" }), ("abc"):gsub("", "-"), ("x y z"):gsub("%s", "", 1))
print(("THE (quick) fox"):find("%((%a+)%)"), ("  trim  "):match("^%s*(.-)%s*$") .. "|", ("f(a(b)c)d"):match("%b()"), ("THE"):gsub("%f[%a]%a+", string.lower))
for k, v in ("a=1, b=2, c=3"):gmatch("(%w+)=(%w+)") do io.write(k, v, ";") end
print()
print(string.format("%5d|%-5d|%05d|%+d|%x|%X|%#x|%o|%c|%q|%s|%10.3s|%%", 42, 42, 42, 42, 255, 255, 255, 8, 65, 'a "q"\n\0z', nil, "abcdef"))
print(string.format("%f|%.3f|%e|%g|%g|%g|%a|%10.2f|%-10.2f|", 1 / 3, 2 / 3, 12345.678, 1e20, 1e-5, 100000, 0.5, math.pi, math.pi))
print(string.format("%.14g %.17g %.0f %g %g %g", 0.1, 0.1, 2.5, 1 / 0, -1 / 0, 3))
print(string.format("%q %q %q", 1 / 3, math.mininteger, 1e100))
print(("x"):rep(3, ","), ("abc"):reverse(), ("abc"):byte(1, -1), string.char(72, 105), ("Abc"):upper(), ("Abc"):lower(), #"\u{10FFFF}\z
   next", "\x41\65\n")
local packed = string.pack("<i4>I2z s1 d f b", -2, 65535, "zero", "counted", math.pi, 0.5, -1)
print(#packed, string.unpack("<i4>I2z s1 d f b", packed))
print(string.packsize("i1 !8 i8"), pcall(string.unpack, "<i4", "abc"))
print(tostring(12), tostring(1.5), tostring(-0.0), tostring(1e100), tonumber("  0x1p4  "), tonumber("1e"), tonumber("zz", 36), tonumber("8", 8), tonumber("7", 8), math.type(1), math.type(1.0), math.type("1"))
local list = { 5, 2, 8, 1, 9, 3 }
table.sort(list) print(table.concat(list, " "))
table.sort(list, function(x, y) return x > y end) print(table.concat(list, ","))
table.insert(list, 1, 0) table.insert(list, 7) print(table.remove(list, 2), table.remove(list), table.concat(list, " "), #list)
print(table.unpack({ 1, 2, nil, 4 }, 1, 4)) print(table.pack(1, nil, 3).n, select("#", table.unpack({}, 1, 3)))
print(table.concat(table.move({ 1, 2, 3 }, 2, 3, 5, { 0, 0, 0, 0 }), " "), next({}), rawlen({ 1, 2 }), rawequal(list, list))
print(pcall(table.sort, { 3, 1, "x" }))
local big = {}
for i = 1, 20000 do big[i] = (i * 7919) % 20011 end
table.sort(big)
local sorted = true
for i = 2, #big do sorted = sorted and big[i - 1] <= big[i] end
print(sorted, big[1], big[#big])
for _, f in ipairs({ "sin", "cos", "tan", "asin", "acos", "atan", "exp", "log", "sqrt", "floor", "ceil", "abs" }) do io.write(f, "=", string.format("%.17g", math[f](0.7)), " ") end
print()
print(math.fmod(7, -3), math.fmod(-7, 3), math.modf(3.7), math.modf(-3.7), math.tointeger(3.0), math.tointeger(3.5), math.ult(1, -1), math.max(1, 2.5), math.min(3), math.log(8, 2), math.log(1000, 10), math.huge, -math.huge)
math.randomseed(42)
print(math.random(100), math.random(100), math.random(1 << 40), string.format("%.17g", math.random()), math.random(0))
for p, c in utf8.codes("aé€😀") do io.write(p, ":", c, " ") end
print(utf8.len("aé€😀"), utf8.char(97, 233, 8364, 128512), utf8.offset("aé€", 3), utf8.codepoint("é", 1), utf8.len("\xff"))
print(os.time({ year = 2024, month = 2, day = 29, hour = 12 }), os.date("!%Y-%m-%d %H:%M:%S", 1709208000), os.date("!%A %B %j %p", 0), os.date("!*t", 86400).day)
print(os.getenv("NOT_SET"), type(os.clock()), type(os.time()), os.setlocale())
print(pcall(string.rep, "x", -1), pcall(string.char, 256), pcall(math.floor, "x"), pcall(setmetatable, 1, {}))
print(collectgarbage("count") > 0, collectgarbage("step"), collectgarbage("isrunning"))
local weak = setmetatable({}, { __mode = "k" })
for _ = 1, 100 do weak[{}] = true end
collectgarbage()
print(next(weak))
local finalised = 0
for _ = 1, 50 do setmetatable({}, { __gc = function() finalised = finalised + 1 end }) end
collectgarbage() collectgarbage()
print(finalised)
