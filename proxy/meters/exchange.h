// SPDX-License-Identifier: Apache-2.0
// One request that a shard has answered, as far as logs have to know. Values and views; views live
// as long as the call that gets them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/command_table.h"

namespace slotway::proxy {

// Whose request it was.
struct ClientFacts {
  std::uint64_t id = 0;  // 0: nobody's, the proxy asked by itself
  std::string address;
  std::string name;
  std::string user;
};

// Where the time went, in microseconds.
struct ExchangeTimes {
  std::uint64_t total_us = 0;  // from the reading of the request to the reading of its reply
  std::uint64_t proxy_us = 0;  // of that, until the request was handed to the socket
  std::uint64_t wait_us = 0;   // the rest: network, the shard's queue, the shard
};

struct Exchange {
  protocol::CommandId command = 0;
  std::string_view request;     // as it went on the wire, at least its beginning
  std::size_t request_bytes = 0;
  std::string_view reply;       // its beginning, if it came in pieces
  std::size_t reply_bytes = 0;  // all of it
  std::string_view node;        // "127.0.0.1:7000"
  std::string_view connection;  // its name at the shard
  std::uint64_t ordinal = 0;    // of the request on that connection, from 1
  ExchangeTimes times;
  ClientFacts client;
  bool is_sampled = false;      // its turn has come to be logged, whatever it is
};

// How a request is called here and in the slow log of a slotway-shard.
inline std::string RequestIdOf(std::string_view connection, std::uint64_t ordinal) {
  return std::string(connection) + '#' + std::to_string(ordinal);
}

}  // namespace slotway::proxy
