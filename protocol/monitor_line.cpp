// SPDX-License-Identifier: Apache-2.0
#include "protocol/monitor_line.h"

#include "protocol/quoted_text.h"
#include "protocol/secret_arguments.h"

namespace slotway::protocol {

void AppendMonitorLine(const CommandSpec& spec, std::span<const std::string_view> args,
                       std::int64_t unix_us, int database, std::string_view client,
                       std::string& out) {
  constexpr std::int64_t kMillion = 1'000'000;
  constexpr std::size_t kFractionDigits = 6;
  const std::string fraction = std::to_string(unix_us % kMillion);
  out += '+';
  out += std::to_string(unix_us / kMillion);
  out += '.';
  out.append(kFractionDigits - fraction.size(), '0');
  out += fraction;
  out.append(" [").append(std::to_string(database)).append(" ").append(client).append("]");
  for (std::size_t i = 0; i < args.size(); ++i) {
    out += ' ';
    AppendQuoted(IsSecretArgument(spec, args, i) ? kRedacted : args[i], out);
  }
  out += "\r\n";
}

}  // namespace slotway::protocol
