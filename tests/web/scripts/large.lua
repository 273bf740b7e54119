-- So many bytes, each of which follows from its place.
function handle(request)
  local period = {}
  for i = 0, 250 do period[#period + 1] = string.char(i) end
  local size = tonumber(request.query.size)
  return 200, "application/octet-stream", table.concat(period):rep(size // 251 + 1):sub(1, size)
end
