-- What scripts do: tables, closures, strings, numbers and the collector. Prints a result that bench/run compares.
local sum = 0

local function sieve(limit)
  local composite, count = {}, 0
  for i = 2, limit do
    if not composite[i] then
      count = count + 1
      for j = i * i, limit, i do composite[j] = true end
    end
  end
  return count
end

local function words(count)
  local seen, text = {}, {}
  for i = 1, count do
    local word = string.format("w%x", (i * 7919) % 5003)
    seen[word] = (seen[word] or 0) + 1
    text[#text + 1] = word
  end
  local joined, letters = table.concat(text, " "), 0
  for word in joined:gmatch("%w+") do letters = letters + #word end
  local keys = {}
  for key in pairs(seen) do keys[#keys + 1] = key end
  table.sort(keys)
  return letters + #keys
end

local function tree(depth)
  if depth == 0 then return {} end
  return { left = tree(depth - 1), right = tree(depth - 1) }
end
local function nodes(node) return node.left and 1 + nodes(node.left) + nodes(node.right) or 1 end

local function waves(count)
  local total = 0.0
  for i = 1, count do total = total + math.sin(i * 0.5) * math.sqrt(i) end
  return math.floor(total * 1000)
end

for pass = 1, 9 do
  sum = sum * 31 + sieve(400000)
  sum = sum + words(120000)
  sum = sum + nodes(tree(15))
  sum = sum + waves(1000000)
end
print("result", sum)
