// SPDX-License-Identifier: Apache-2.0
// What a session may use of the worker it lives on, and of the process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/key_extraction.h"
#include "protocol/learned_commands.h"
#include "protocol/topology.h"
#include "proxy/backend/private_connections.h"
#include "proxy/client/audit_log.h"
#include "proxy/client/client_pause.h"
#include "proxy/client/monitor_feed.h"
#include "proxy/client/reply_room.h"
#include "proxy/client/strangers.h"
#include "proxy/client/user_book.h"
#include "proxy/meters/worker_meter.h"
#include "proxy/routing/router.h"
#include "runtime/counter.h"
#include "runtime/event_loop.h"

namespace slotway::proxy {

class ClientSession;
class PubsubHub;
class SessionRegistry;
struct WorkerServices;

// Counted by a worker's sessions.
struct SessionCounters {
  runtime::Counter requests;
  runtime::Counter local_requests;    // answered by the proxy itself
  runtime::Counter refused_requests;  // unknown, wrong arity, not authenticated, unsupported
  runtime::Counter failed_logins;
  // Requests that the rules of their users do not allow, by what they may not touch.
  runtime::Counter denied_commands;
  runtime::Counter denied_keys;
  runtime::Counter denied_channels;
  runtime::Counter protocol_errors;
  runtime::Counter bytes_in;
  runtime::Counter bytes_out;
  runtime::Counter clients;  // connected now
  runtime::Counter accepted;
  runtime::Counter rejected;  // over clients_max
  runtime::Counter handshakes;         // of TLS, that succeeded
  runtime::Counter failed_handshakes;  // or took too long, or were too many
  runtime::Counter strangers;      // who have to log in and have not, now
  runtime::Counter strangers_cut;  // because they had not
  runtime::Counter cut;       // closed by us: output bound, idle, ...
  runtime::Counter paced;          // times that a client was held back by its user's rates
  runtime::Counter paced_clients;  // who are, now
  runtime::Counter postponed_clients;  // whose request CLIENT PAUSE holds, now
  runtime::Counter tracking_clients;  // with CLIENT TRACKING, now
  runtime::Counter invalidations;     // sent to them, or to whom they redirect
};

// Sums over all workers and facts of the process, for INFO.
struct ProcessFacts {
  std::uint64_t clients = 0;
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t held_requests = 0;
  std::uint64_t blocked_clients = 0;
  std::uint64_t tracking_clients = 0;
  std::uint64_t failed_logins = 0;
  std::uint64_t denied_commands = 0;
  std::uint64_t denied_keys = 0;
  std::uint64_t denied_channels = 0;
  std::uint64_t uptime_s = 0;
  std::string_view run_id;
};

// The other workers of the process.
struct Colleagues {
  std::size_t own_index = 0;
  std::size_t count = 1;
  // Runs `task` on that worker's thread, soon; also on one's own.
  std::function<void(std::size_t worker, std::function<void(WorkerServices&)> task)> post;
};

struct WorkerServices {
  runtime::EventLoop& loop;
  const config::ProxyConfig& settings;
  UserBook& book;
  AuditLog& audit;
  Dispatcher& dispatcher;
  Router& router;
  PubsubHub& pubsub;
  SessionRegistry& sessions;
  Colleagues colleagues;
  SessionCounters& counters;
  WorkerMeter& meter;    // the worker's own
  WorkerMeters& meters;  // those of all workers
  // shared: an immutable snapshot, published to every worker.
  std::shared_ptr<const protocol::Topology> topology;
  std::function<ProcessFacts()> process_facts;
  // The session has closed and nothing refers to it any more: destroy it, later.
  std::function<void(ClientSession&)> on_session_over;
  // Somebody asked for a command that is neither in the table nor learned.
  std::function<void()> request_commands = [] {};
  // shared: an immutable snapshot, published to every worker; nullptr if there is nothing to know.
  std::shared_ptr<const protocol::LearnedCommands> learned = nullptr;
  std::uint8_t common_ways = 0;  // SessionWays that every session has
  ClientPause pause = {};
  MonitorFeed monitors = {};
  RoomsOfShards rooms = {};
  Strangers strangers = {};
  // What shards know the users of `users` by, as far as they have run scripts.
  std::unordered_map<const protocol::AclUser*, Guise> guises = {};
  UserBook::Snapshot users = book.Current();  // to be replaced by TakeUsers()
  std::vector<protocol::KeyPosition> acl_keys = {};  // memory to work in

  // For requests that a client sends over connections of its own. What all sessions share and
  // change stays the worker's.
  WorkerServices With(Dispatcher& own_dispatcher, Router& own_router) const {
    return {loop,   settings, book,       audit,    own_dispatcher, own_router,
            pubsub, sessions, colleagues, counters, meter,          meters,
            topology, process_facts, on_session_over, request_commands, learned};
  }
};

}  // namespace slotway::proxy
