// SPDX-License-Identifier: Apache-2.0
#include "runtime/listener.h"

namespace slotway::runtime {

Result<std::unique_ptr<Listener>> Listener::Listen(EventLoop& loop, const SocketAddress& address,
                                                   const Options& options, OnAccept on_accept) {
  auto acceptor = Acceptor::Listen(
      loop, address, options,
      [&loop, on_accept = std::move(on_accept)](OwnedFd accepted) {
        auto connection = Connection::Adopt(loop, std::move(accepted), FlushStage::kDownstream);
        if (connection) on_accept(std::move(*connection));
      });
  if (!acceptor) return tl::unexpected(acceptor.error());
  return std::unique_ptr<Listener>(new Listener(*std::move(acceptor)));
}

}  // namespace slotway::runtime
