// SPDX-License-Identifier: Apache-2.0
// The settings of a shard that have a grammar of their own, and checks of single texts.
//
// Part of the schema; used by shard_schema.cpp only. Answers are Redis's reasons, without "ERR".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/shard_schema.h"

namespace slotway::config {

extern const CustomField kBindField;
extern const CustomField kUnixSocketPermField;  // up to 777, octal
extern const CustomField kSaveField;            // "seconds changes" pairs; "" for none
extern const CustomField kClientOutputField;    // "class hard soft seconds" quadruples
extern const CustomField kReplicasToAckField;   // a number, or "majority"
extern const CustomField kKeyspaceEventsField;  // one word of event letters
extern const CustomField kPercentilesField;
extern const CustomField kReplicaofField;  // "host port" or "no one"
extern const CustomField kShutdownOnSigintField;  // options of SHUTDOWN, or "default"
extern const CustomField kShutdownOnSigtermField;
extern const CustomField kUserField;       // an ACL rule line; adds to what is there

std::optional<std::string> CheckSnapshotName(std::string_view name);
std::optional<std::string> CheckAppendFileName(std::string_view name);
std::optional<std::string> CheckAppendDirName(std::string_view name);
std::optional<std::string> CheckAnnouncedHostname(std::string_view name);
std::optional<std::string> CheckPeers(std::string_view list);
std::optional<std::string> CheckDirectory(std::string_view path);

}  // namespace slotway::config
