// SPDX-License-Identifier: Apache-2.0
#include "proxy/meters/access_log.h"

#include <array>
#include <string>

#include "protocol/error_codes.h"

namespace slotway::proxy {

runtime::Result<void> AccessLog::Open(const config::AccessLogConfig& settings) {
  auto opened = log_.Open({settings.file, settings.rotate_bytes, settings.rotate_files});
  if (!opened) return runtime::Fail("access_log.file: " + opened.error().text);
  return {};
}

void AccessLog::Write(const Exchange& exchange, bool is_slow) {
  const bool is_learned = protocol::IsLearned(exchange.command);
  const bool is_error = exchange.reply.starts_with('-');
  const std::string id = RequestIdOf(exchange.connection, exchange.ordinal);
  const std::string client_id = std::to_string(exchange.client.id);
  const std::string request_bytes = std::to_string(exchange.request_bytes);
  const std::string reply_bytes = std::to_string(exchange.reply_bytes);
  const std::string total_us = std::to_string(exchange.times.total_us);
  const std::string proxy_us = std::to_string(exchange.times.proxy_us);
  const std::string wait_us = std::to_string(exchange.times.wait_us);
  const std::array<runtime::JsonLog::Field, 14> fields = {{
      {"reason", is_slow ? "slow" : "sample"},
      {"id", id},
      {"client", exchange.client.address},
      {"client_id", client_id},
      {"client_name", exchange.client.name},
      {"user", exchange.client.user},
      {"command", is_learned ? "other" : protocol::CommandById(exchange.command).name},
      {"node", exchange.node},
      {"request_bytes", request_bytes},
      {"reply_bytes", reply_bytes},
      {"error", is_error ? protocol::ErrorCodeOf(exchange.reply) : std::string_view()},
      {"total_us", total_us},
      {"proxy_us", proxy_us},
      {"wait_us", wait_us},
  }};
  log_.Write(fields);
}

}  // namespace slotway::proxy
