// SPDX-License-Identifier: Apache-2.0
// What a shard counts while it serves: totals, per command, per error code. Engine thread only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/commands/latency_histogram.h"

namespace slotway::storage {

struct CommandStats {
  std::uint64_t calls = 0;
  std::uint64_t time_ns = 0;
  std::uint64_t rejected_calls = 0;  // refused before they ran: arity, authentication, memory, slot
  std::uint64_t failed_calls = 0;    // ran and answered an error
  LatencyHistogram latency;
};

struct ServerStats {
  std::vector<CommandStats> commands;  // by protocol::CommandId
  std::uint64_t commands_processed = 0;
  std::uint64_t connections_received = 0;
  std::uint64_t connections_rejected = 0;
  std::uint64_t tls_handshakes = 0;         // with clients, that succeeded
  std::uint64_t failed_tls_handshakes = 0;  // or took too long
  std::uint64_t input_bytes = 0;
  std::uint64_t output_bytes = 0;
  std::uint64_t reads_processed = 0;
  std::uint64_t writes_processed = 0;
  std::uint64_t expired_keys = 0;
  std::uint64_t expire_cycle_limits = 0;  // times the expiry timer ran out of its budget
  std::uint64_t expire_cycle_us = 0;      // its time in all
  std::uint64_t evicted_keys = 0;
  std::uint64_t evicted_clients = 0;
  std::uint64_t over_memory_us = 0;        // for how long, ever
  std::uint64_t over_memory_since_us = 0;  // runtime::MonotonicUs(); 0: memory is within its limit
  std::uint64_t lazyfreed_objects = 0;     // large values and flushed keys, freed by the timer
  std::uint64_t keyspace_hits = 0;
  std::uint64_t keyspace_misses = 0;
  std::uint64_t error_replies = 0;
  std::uint64_t unexpected_error_replies = 0;  // to commands of the master
  std::uint64_t sanitized_dumps = 0;  // payloads checked because sanitize-dump-payload says so
  std::uint64_t authentication_failures = 0;
  std::uint64_t denied_commands = 0;  // by ACL rules, as the next two
  std::uint64_t denied_keys = 0;
  std::uint64_t denied_channels = 0;
  std::map<std::string, std::uint64_t, std::less<>> errors_by_code;

  // `error` begins with its code: "ERR syntax error".
  void CountError(std::string_view error);
  // Who has a reference into `commands` keeps it: CONFIG RESETSTAT itself is being counted.
  void Reset();

  // Rates of the last 16 samples of 100 ms.
  struct Rate {
    std::array<double, 16> samples{};
    std::size_t next = 0;
    std::uint64_t last_count = 0;
    void Sample(std::uint64_t count, double seconds);
    double PerSecond() const;
  };
  Rate command_rate;
  Rate input_rate;
  Rate output_rate;
  Rate stream_input_rate;  // of replication, as the next
  Rate stream_output_rate;
};

}  // namespace slotway::storage
