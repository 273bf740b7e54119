-- Files: written, read back in every way, seeked, appended, renamed, removed; and the errors of those that are not there.
local name = "files.out"
local file = assert(io.open(name, "w"))
print(file:write("first line\n", 2, " ", 3.5, "\nthird\n") == file)
print(file:seek("cur"), file:seek("set", 6), file:write("LINE") == file, file:seek("end"))
print(file:close(), io.type(file), pcall(file.write, file, "x"))
for line in io.lines(name) do print(line) end
for line in io.lines(name, "L") do io.write(line) end
local reader = io.open(name)
print(reader:read("l"), reader:read("n"), reader:read("n"), reader:read(1), reader:read(3), reader:read("a"), reader:read("a"), reader:read("l"))
print(reader:seek("set"), reader:read(0), reader:read(5, "L"))
reader:close()
local append = io.open(name, "a+")
append:write("appended\n")
append:seek("set")
print(#append:read("a"))
append:close()
local update = io.open(name, "r+")
update:setvbuf("full", 16)
update:write("F")
update:flush()
update:seek("set", 11)
update:write("T")
update:close()
print(io.open(name):read("a"))
print(io.open("absent", "r"))
print(pcall(io.lines, "absent"))
print(pcall(io.open, name, "bad mode"))
print(os.rename(name, "renamed.out"), io.open(name), os.remove("absent"))
local big = io.open("big.out", "wb")
local chunk = {}
for i = 0, 255 do chunk[#chunk + 1] = string.char(i) end
chunk = table.concat(chunk)
for _ = 1, 4000 do big:write(chunk) end
big:close()
big = io.open("big.out", "rb")
print(big:seek("end"), big:seek("set", 256 * 3000 + 65), big:read(5))
big:seek("set")
local bytes, sum = 0, 0
for block in function() return big:read(8191) end do
  bytes = bytes + #block
  sum = (sum * 31 + block:byte(1) + block:byte(-1)) % 1000003
end
print(bytes, sum)
big:close()
print(os.remove("big.out"))
io.output("default.out")
io.write("through the default output\n")
io.close()
io.output(io.stdout)
io.input("default.out")
print(io.read("L"))
io.stderr:write("to standard error\n")
local temporary = io.tmpfile and os.tmpname and true
print(temporary)
