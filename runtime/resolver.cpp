// SPDX-License-Identifier: Apache-2.0
#include "runtime/resolver.h"

#include <memory>
#include <utility>

namespace slotway::runtime {
namespace {

struct Query {
  uv_getaddrinfo_t request;
  std::string host;
  std::uint16_t port;
  OnResolved on_resolved;
};

void Finish(uv_getaddrinfo_t* request, int status, addrinfo* found) {
  std::unique_ptr<Query> query(static_cast<Query*>(request->data));
  std::vector<SocketAddress> addresses;
  for (addrinfo* i = status == 0 ? found : nullptr; i != nullptr; i = i->ai_next) {
    if (i->ai_family != AF_INET && i->ai_family != AF_INET6) continue;
    addresses.push_back(SocketAddress::FromNative(i->ai_addr));
    addresses.back().SetPort(query->port);
  }
  uv_freeaddrinfo(found);
  if (addresses.empty()) {
    const char* reason = status != 0 ? uv_strerror(status) : "no address";
    query->on_resolved(Fail("cannot resolve '" + query->host + "': " + reason));
  } else {
    query->on_resolved(std::move(addresses));
  }
}

}  // namespace

void Resolve(EventLoop& loop, const std::string& host, std::uint16_t port, OnResolved on_resolved) {
  if (auto numeric = SocketAddress::FromNumeric(host, port)) {
    loop.Defer([address = *numeric, on_resolved = std::move(on_resolved)] {
      on_resolved(std::vector<SocketAddress>{address});
    });
    return;
  }
  auto query = std::make_unique<Query>();
  query->request.data = query.get();
  query->host = host;
  query->port = port;
  query->on_resolved = std::move(on_resolved);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  int error = uv_getaddrinfo(loop.Uv(), &query->request, Finish, host.c_str(), nullptr, &hints);
  Query* pending = query.release();
  if (error != 0) loop.Defer([pending, error] { Finish(&pending->request, error, nullptr); });
}

}  // namespace slotway::runtime
