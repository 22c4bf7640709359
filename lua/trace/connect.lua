-- connect - TCP connections that are begun and accepted
local function begins(k, call)
  local at, v6 = call.args.uaddr, call.name == "tcp_v6_connect"
  local to = eg.cast(at, v6 and "sockaddr_in6" or "sockaddr_in")
  local port = v6 and to.sin6_port or to.sin_port
  local address = linux.ip(v6 and to.sin6_addr or to.sin_addr)
  row { EVENT = "connect", DETAIL = string.format("%s port %d", address, port >> 8 | (port & 255) << 8) }
end

on_call("tcp_v4_connect", begins)
if eg.lookup(k, "tcp_v6_connect") then on_call("tcp_v6_connect", begins) end

on_return("inet_csk_accept", function(k, call)
  if eg.ok(call.value) then row { EVENT = "accept", DETAIL = linux.sock_text(call.value) } end
end)
