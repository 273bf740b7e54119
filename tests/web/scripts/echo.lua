-- What the script was told, as text.
function handle(request)
  local out = {}
  local function add(name, value)
    if type(value) == "table" then
      local names = {}
      for key in pairs(value) do names[#names + 1] = key end
      table.sort(names)
      for _, key in ipairs(names) do add(name .. "." .. key, value[key]) end
    else
      out[#out + 1] = name .. "=" .. tostring(value)
    end
  end
  add("request", request)
  table.sort(out)
  return 200, "text/plain", table.concat(out, "\n")
end
