-- Where no instruction of Lua is executed: only the clock ends it.
function handle()
  return 200, "text/plain", tostring((("a"):rep(30000)):find(".-.-.-.-.-b"))
end
