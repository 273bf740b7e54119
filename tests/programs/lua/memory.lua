-- Much of it, and much garbage: the heap grows to some hundred megabytes, shrinks, and grows again.
local function list(count)
  local head
  for i = 1, count do head = { next = head, value = i } end
  return head
end
for round = 1, 3 do
  local head, sum = list(1000000), 0
  while head do sum = sum + head.value; head = head.next end
  print(round, sum)
  collectgarbage()
end
local text = ("0123456789"):rep(2000000)
print(#text, text:sub(-3))
local pieces = {}
for i = 1, 300000 do pieces[i] = tostring(i) end
local joined = table.concat(pieces)
print(#joined, joined:sub(100000, 100010))
local matrix = {}
for i = 1, 400 do
  matrix[i] = {}
  for j = 1, 400 do matrix[i][j] = i * j % 7 end
end
local trace = 0
for i = 1, 400 do for j = 1, 400 do trace = trace + matrix[i][j] * matrix[j][i] end end
print(trace)
