// SPDX-License-Identifier: Apache-2.0
// The plain manifests and the compose file: that they are YAML, that their parts fit together, and
// that the settings inside the ConfigMap are settings of the proxy.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <yaml-cpp/yaml.h>

#include "config/proxy_config.h"

namespace slotway {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;

const fs::path kTree = SLOTWAY_SOURCE_DIR;
const std::string kSecrets = "/etc/slotway/secrets";

YAML::Node Manifest(const std::string& name) {
  return YAML::LoadFile((kTree / "k8s/manifests" / name).string());
}

std::string Settings() {
  return Manifest("configmap.yaml")["data"]["proxy.yaml"].as<std::string>();
}

YAML::Node PodSpec() { return Manifest("deployment.yaml")["spec"]["template"]["spec"]; }
YAML::Node Container() { return PodSpec()["containers"][0]; }

int PortNamed(const std::string& name) {
  for (const auto& port : Container()["ports"]) {
    if (port["name"].as<std::string>() == name) return port["containerPort"].as<int>();
  }
  return 0;
}

// The settings with the Secret's folder where this test can have one.
config::ProxyConfig ReadSettings() {
  const fs::path folder = fs::path(::testing::TempDir()) / "slotway-manifests";
  fs::create_directories(folder);
  for (const auto& item : PodSpec()["volumes"][1]["secret"]["items"]) {
    std::ofstream(folder / item["path"].as<std::string>()) << "new1234\n";
  }
  std::string text = Settings();
  for (auto at = text.find(kSecrets); at != std::string::npos; at = text.find(kSecrets, at)) {
    text.replace(at, kSecrets.size(), folder.string());
  }
  auto config = config::ParseProxyConfig(text, "configmap.yaml");
  fs::remove_all(folder);
  if (!config) {
    ADD_FAILURE() << config.error().Render();
    return {};
  }
  return *config;
}

TEST(ManifestsTest, SettingsAreThoseOfTheProxy) {
  const config::ProxyConfig config = ReadSettings();
  ASSERT_EQ(config.listeners.size(), 1u);
  ASSERT_EQ(config.backend.seeds.size(), 1u);
  EXPECT_EQ(config.backend.seeds[0].port, 6379);
  EXPECT_EQ(config.backend.password, "new1234");
  EXPECT_EQ(config.auth.password, "new1234");
}

TEST(ManifestsTest, PortsOfSettingsPodAndServiceAgree) {
  const config::ProxyConfig config = ReadSettings();
  ASSERT_EQ(config.listeners.size(), 1u);
  EXPECT_EQ(config.listeners[0].port, PortNamed("redis"));
  EXPECT_EQ(config.admin.port, PortNamed("admin"));
  // The kubelet and the Service do not come from the pod's own loopback address.
  EXPECT_EQ(config.listeners[0].address, "0.0.0.0");
  EXPECT_EQ(config.admin.address, "0.0.0.0");

  const YAML::Node port = Manifest("service.yaml")["spec"]["ports"][0];
  EXPECT_EQ(port["nodePort"].as<int>(), 32200);
  EXPECT_EQ(port["port"].as<int>(), PortNamed(port["targetPort"].as<std::string>()));
  for (const char* probe : {"readinessProbe", "livenessProbe"}) {
    EXPECT_NE(PortNamed(Container()[probe]["httpGet"]["port"].as<std::string>()), 0) << probe;
  }
}

TEST(ManifestsTest, SelectorsFindThePods) {
  const YAML::Node deployment = Manifest("deployment.yaml")["spec"];
  const YAML::Node labels = deployment["template"]["metadata"]["labels"];
  for (const YAML::Node& selector :
       {deployment["selector"]["matchLabels"], Manifest("service.yaml")["spec"]["selector"]}) {
    ASSERT_GT(selector.size(), 0u);
    for (const auto& label : selector) {
      const auto key = label.first.as<std::string>();
      ASSERT_TRUE(labels[key]) << key;
      EXPECT_EQ(labels[key].as<std::string>(), label.second.as<std::string>());
    }
  }
}

TEST(ManifestsTest, MountsShowWhatTheProgramReads) {
  std::set<std::string> volumes;
  for (const auto& volume : PodSpec()["volumes"]) volumes.insert(volume["name"].as<std::string>());
  std::set<std::string> paths;
  for (const auto& mount : Container()["volumeMounts"]) {
    EXPECT_THAT(volumes, Contains(mount["name"].as<std::string>()));
    paths.insert(mount["mountPath"].as<std::string>());
  }
  EXPECT_THAT(paths, Contains(Container()["args"][1].as<std::string>()));
  EXPECT_THAT(paths, Contains(kSecrets));
  EXPECT_EQ(PodSpec()["volumes"][0]["configMap"]["name"].as<std::string>(),
            Manifest("configmap.yaml")["metadata"]["name"].as<std::string>());
  // Given to no one but the container's group.
  EXPECT_EQ(PodSpec()["volumes"][1]["secret"]["defaultMode"].as<std::string>(), "0440");
}

TEST(ManifestsTest, DrainEndsBeforeTheKubeletKills) {
  const auto grace_s = PodSpec()["terminationGracePeriodSeconds"].as<unsigned>();
  EXPECT_LT(ReadSettings().shutdown_drain_ms, grace_s * 1000);
}

TEST(ComposeTest, BuildsTheImageThatTheManifestsRun) {
  const YAML::Node compose = YAML::LoadFile((kTree / "docker-compose.yml").string());
  const YAML::Node service = compose["services"]["slotway"];
  EXPECT_EQ(service["image"].as<std::string>(), Container()["image"].as<std::string>());
  EXPECT_TRUE(fs::exists(kTree / service["build"].as<std::string>() / "Dockerfile"));
  EXPECT_EQ(service["command"][0].as<std::string>(), "local");
  EXPECT_THAT(service["command"][service["command"].size() - 1].as<std::string>(),
              HasSubstr("SLOTWAY_PASSWORD:?"));
}

}  // namespace
}  // namespace slotway
