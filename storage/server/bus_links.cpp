// SPDX-License-Identifier: Apache-2.0
#include "storage/server/bus_links.h"

#include <utility>

#include "runtime/log.h"

namespace slotway::storage {

using cluster::BusMessage;
using cluster::LinkEnds;
using cluster::LinkId;
using runtime::Connection;

namespace {

constexpr std::size_t kLinksMax = 4096;
constexpr std::uint64_t kHandshakeTimeoutMs = 5000;
// A larger message is not waited for in one piece of memory before it is there.
constexpr std::size_t kExpectedBytesMax = 1 << 20;

LinkEnds EndsOf(const Connection& connection) {
  return {connection.LocalAddress().Host(), connection.PeerAddress().Host()};
}

}  // namespace

class BusLinks::Link final : public Connection::Handler {
 public:
  Link(BusLinks& links, LinkId id) : links_(links), id_(id) {}

  std::size_t OnBytes(std::string_view input) override {
    std::size_t taken = 0;
    while (!is_closed) {
      const std::string_view rest = input.substr(taken);
      auto length = cluster::BusMessageLength(rest);
      if (!length) return Refuse(length.error().text, input.size());
      if (*length == 0 || *length > rest.size()) {
        if (*length != 0 && *length <= kExpectedBytesMax) connection->ExpectInput(*length);
        return taken;
      }
      auto message = cluster::DecodeBusMessage(rest.substr(0, *length));
      if (!message) return Refuse(message.error().text, input.size());
      taken += *length;
      links_.told_.received(id_, *message);
    }
    return input.size();
  }
  void OnEndOfInput() override { links_.Lost(id_, "the peer closed it"); }
  void OnClosed(std::string_view reason) override { links_.Lost(id_, reason); }
  void OnConnected() override {
    is_up = true;
    links_.told_.connected(id_, EndsOf(*connection));
  }

  std::unique_ptr<Connection> connection;
  bool is_up = false;
  bool is_closed = false;

 private:
  std::size_t Refuse(const std::string& what, std::size_t bytes) {
    runtime::LogWarning("cluster bus: {} sent {}: closed", connection->PeerAddress().ToString(),
                        what);
    links_.Lost(id_, what);
    return bytes;
  }

  BusLinks& links_;
  LinkId id_;
};

// Another node, or a stranger: its certificate tells.
class BusLinks::Visitor final : public runtime::TlsEntrance::Visitor {
 public:
  explicit Visitor(BusLinks& links) : links_(links), context_(links.server_.tls.server) {}

 private:
  void OnSecured(std::unique_ptr<Connection> connection) override {
    links_.Accept(std::move(connection));
  }
  void OnTurnedAway(std::string_view reason) override {
    runtime::LogDebug("cluster bus: turned away: {}", reason);
  }

  BusLinks& links_;
  std::shared_ptr<const runtime::TlsContext> context_;  // shared: until the handshake is over
};

BusLinks::BusLinks(runtime::EventLoop& loop, ServerState& server, Listener told)
    : loop_(loop), server_(server), told_(std::move(told)), entrance_(loop, kLinksMax) {}

BusLinks::~BusLinks() { *is_alive_ = false; }

runtime::Result<bool> BusLinks::ListenOn(const std::vector<std::string>& addresses,
                                         std::uint16_t port) {
  for (const std::string& bind_address : addresses) {
    const bool is_optional = bind_address.starts_with('-');
    std::string host = is_optional ? bind_address.substr(1) : bind_address;
    if (host == "*") host = "0.0.0.0";
    if (host == "::*") host = "::";
    if (host == "localhost") host = "127.0.0.1";
    auto address = runtime::SocketAddress::FromNumeric(host, port);
    if (!address) return tl::unexpected(address.error());
    auto listener = runtime::Listener::Listen(
        loop_, *address, {},
        [this](std::unique_ptr<Connection> connection) { Greet(std::move(connection)); });
    if (listener) {
      listeners_.push_back(std::move(*listener));
    } else if (!is_optional) {
      return runtime::Fail("Failed listening on port of the cluster bus, " + address->ToString() + ": " +
                           listener.error().text);
    }
  }
  return true;
}

void BusLinks::Greet(std::unique_ptr<Connection> connection) {
  if (!server_.Config().tls_cluster) return Accept(std::move(connection));
  const runtime::TlsContext& context = *server_.tls.server;
  entrance_.Admit(std::move(connection), context, kHandshakeTimeoutMs,
                  std::make_unique<Visitor>(*this));
}

void BusLinks::Accept(std::unique_ptr<Connection> connection) {
  if (links_.size() >= kLinksMax) return;
  const auto id = LinkId(next_id_++);
  auto link = std::make_unique<Link>(*this, id);
  link->connection = std::move(connection);
  link->is_up = true;
  Link* accepted = link.get();
  links_.emplace(id, std::move(link));
  told_.accepted(id, EndsOf(*accepted->connection));
  if (!accepted->is_closed) accepted->connection->Start(*accepted);
}

LinkId BusLinks::Connect(const std::string& ip, std::uint16_t port, std::uint64_t timeout_ms) {
  const auto id = LinkId(next_id_++);
  auto address = runtime::SocketAddress::FromNumeric(ip, port);
  if (!address || links_.size() >= kLinksMax) {
    loop_.Defer([this, id, is_alive = is_alive_] {
      if (*is_alive) told_.connect_failed(id, false);
    });
    return id;
  }
  auto link = std::make_unique<Link>(*this, id);
  link->connection =
      Connection::Connect(loop_, *address, timeout_ms, runtime::FlushStage::kUpstream, *link,
                          server_.tls.ToNode(server_.Config().tls_cluster));
  links_.emplace(id, std::move(link));
  return id;
}

void BusLinks::Send(LinkId id, const BusMessage& message, std::size_t queued_bytes_max) {
  auto found = links_.find(id);
  if (found == links_.end() || !found->second->is_up) return;
  Connection& connection = *found->second->connection;
  std::string bytes;
  EncodeBusMessage(message, bytes);
  if (connection.UnwrittenBytes() + bytes.size() > queued_bytes_max) {
    ++limit_exceeded_;
    // Told later: whoever sends is in the middle of something.
    loop_.Defer([this, id, is_alive = is_alive_] {
      if (*is_alive) Lost(id, "it takes less than is sent to it");
    });
    return;
  }
  connection.Output().Append(bytes);
  connection.MarkForFlush();
}

std::unique_ptr<BusLinks::Link> BusLinks::TakeOut(LinkId id) {
  auto found = links_.find(id);
  if (found == links_.end()) return nullptr;
  std::unique_ptr<Link> link = std::move(found->second);
  links_.erase(found);
  link->is_closed = true;
  link->connection->Abandon();
  return link;
}

void BusLinks::Bury(std::unique_ptr<Link> link) {
  buried_.push_back(std::move(link));
  if (buried_.size() > 1) return;
  loop_.Defer([this, is_alive = is_alive_] {
    if (*is_alive) buried_.clear();
  });
}

void BusLinks::Close(LinkId id) {
  if (auto link = TakeOut(id)) Bury(std::move(link));
}

void BusLinks::Lost(LinkId id, std::string_view reason) {
  auto link = TakeOut(id);
  if (!link) return;
  const bool was_up = link->is_up;
  const bool is_refused = Connection::IsRefusal(reason);
  Bury(std::move(link));
  if (was_up) {
    told_.closed(id);
  } else {
    told_.connect_failed(id, is_refused);
  }
}

std::size_t BusLinks::Bytes() const {
  std::size_t bytes = 0;
  for (const auto& [id, link] : links_) {
    const Connection& connection = *link->connection;
    bytes += sizeof(Link) + Connection::OwnBytes() + connection.KeptInputCapacity() +
             connection.UnwrittenBytes();
  }
  return bytes;
}

std::size_t BusLinks::QueuedBytes(LinkId id) const {
  auto found = links_.find(id);
  return found == links_.end() ? 0 : found->second->connection->UnwrittenBytes();
}

}  // namespace slotway::storage
