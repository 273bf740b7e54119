-- Ends its process, in one of several ways: /ext/crash?how=divide, jump, trap, or write, which is the first.
function handle(request)
  crash(request.query.how)
end
