function handle(request) return 200 "text" end
