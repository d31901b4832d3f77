// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/dump_payload.h"

#include "protocol/crc64.h"

namespace slotway::storage {
namespace {

constexpr std::size_t kFooterBytes = 10;

}  // namespace

std::string DumpValue(Keyspace& keyspace, const Entry& entry) {
  std::string payload;
  RdbWriter writer(payload);
  WriteRdbValue(writer, keyspace, entry);
  writer.LittleEndian(kRdbVersionRedis70, 2);
  writer.LittleEndian(protocol::Crc64(payload), 8);
  return payload;
}

bool IsDumpIntact(std::string_view payload) {
  if (payload.size() < kFooterBytes) return false;
  RdbReader footer(payload.substr(payload.size() - kFooterBytes));
  if (footer.LittleEndian(2) > std::uint64_t{kRdbVersionReadMax}) return false;
  return footer.LittleEndian(8) == protocol::Crc64(payload.substr(0, payload.size() - 8));
}

RestoreResult RestoreValue(std::string_view payload, const RestoreTarget& target) {
  RdbReader reader(payload.substr(0, payload.size() - kFooterBytes));
  return ReadRdbValue(static_cast<RdbType>(reader.Byte()), reader, target);
}

}  // namespace slotway::storage
