// From `firewall:` to the rules of a plan.

#include <gtest/gtest.h>

#include "dsl/egress.h"
#include "dsl/stdlib.h"
#include "tests/dsl/compile_file.h"

namespace dsl {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* kTask = "tasks: {t: {run: make, success_criteria: [{'[ ] ok': 'true'}]}}\n";

Firewall firewall_of(const std::string& text, const dsl_test::Files& more = {}) {
  dsl_test::Files files = more;
  files["p.yaml"] = "version: 1\nname: x\nfirewall: " + text + "\n" + kTask;
  const Compilation compilation = dsl_test::compile_files(files);
  EXPECT_EQ(dsl_test::messages(compilation), "");
  return compilation.plan ? dsl_test::node(compilation, "t").firewall : Firewall{};
}

TEST(Firewall, PlansEveryRuleWithItsPorts) {
  EXPECT_EQ(firewall_of("{allow: [API.example.org, 'git.example.org:[443, 22]', '*.cdn.test:443']}")
                .allow,
            (Texts{"api.example.org:[80, 443]", "git.example.org:[22, 443]", "*.cdn.test:443"}));
}

TEST(Firewall, PlansWhatAPresetHolds) {
  const Firewall firewall = firewall_of("{allow: [web, anthropic, api.anthropic.com:443]}");
  EXPECT_EQ(firewall.presets, (Texts{"web", "anthropic"}));
  EXPECT_EQ(firewall.allow,
            (Texts{"*:[22, 80, 443]",
                   "api.anthropic.com:443",
                   "console.anthropic.com:443",
                   "claude.ai:443"}));
}

TEST(Firewall, PlansEveryPresetOfTheLibrary) {
  for (const std::string_view preset : stdlib_presets()) {
    const Firewall firewall = firewall_of("{allow: [" + std::string(preset) + "]}");
    EXPECT_FALSE(firewall.allow.empty()) << preset;
    EXPECT_TRUE(EgressPolicy::make(firewall)) << preset;
  }
}

TEST(Firewall, ReadsAPresetOfTheProject) {
  const Firewall firewall =
      firewall_of("{allow: [./ci/hosts.yaml]}",
                  {{"ci/hosts.yaml", "name: ours\nallow: [a.test, b.test:22]\n"}});
  EXPECT_EQ(firewall.allow, (Texts{"a.test:[80, 443]", "b.test:22"}));
  EXPECT_EQ(firewall.presets, Texts{"./ci/hosts.yaml"});
}

TEST(Firewall, PointsIntoThePresetOfTheProject) {
  const Compilation compilation = dsl_test::compile_files(
      {{"p.yaml", std::string("version: 1\nname: x\nfirewall: {allow: [./hosts.yaml]}\n") + kTask},
       {"hosts.yaml", "allow:\n  - github\n  - 10.0.0.1:22\n"}});
  EXPECT_FALSE(compilation.plan);
  const std::string said = dsl_test::messages(compilation);
  EXPECT_NE(said.find("--> hosts.yaml:2:5"), std::string::npos) << said;
  EXPECT_NE(said.find("--> hosts.yaml:3:5"), std::string::npos) << said;
}

TEST(Firewall, ChangesTheDigestOfThePlanWithItsPreset) {
  const auto digest = [](const std::string& preset) {
    return dsl_test::compile_files(
               {{"p.yaml",
                 std::string("version: 1\nname: x\nfirewall: {allow: [./h.yaml]}\n") + kTask},
                {"h.yaml", preset}})
        .plan->source_digest;
  };
  EXPECT_NE(digest("allow: [a.test]\n"), digest("allow: [b.test]\n"));
}

TEST(Firewall, TakesHostsFromInputsAndNoPresets) {
  const std::string text =
      "inputs: {host: {type: string, default: a.test}}\n"
      "firewall: {allow: ['${{ inputs.host }}:443']}\n" +
      std::string(kTask);
  const Compilation compilation = dsl_test::compile_text(text);
  ASSERT_EQ(dsl_test::messages(compilation), "");
  EXPECT_EQ(dsl_test::node(compilation, "t").firewall.allow, Texts{"a.test:443"});
  EXPECT_FALSE(dsl_test::compile_text(text, {{"host", "a b"}}).plan);

  const Compilation preset = dsl_test::compile_text(
      "inputs: {name: {type: string, default: github}}\n"
      "firewall: {allow: ['${{ inputs.name }}']}\n" +
      std::string(kTask));
  EXPECT_NE(dsl_test::messages(preset).find("comes from an expression"), std::string::npos);
}

TEST(Firewall, KeepsRangesAndUdpForTheRoutedMode) {
  EXPECT_EQ(firewall_of("{mode: routed, allow: [10.0.0.0/8:5432, 'dns.test:53/udp', 192.0.2.1:22]}")
                .allow,
            (Texts{"10.0.0.0/8:5432", "dns.test:53/udp", "192.0.2.1:22"}));
}

TEST(Firewall, HasNoRangesOfIpv6EvenRouted) {
  const Compilation compilation = dsl_test::compile_text(
      "firewall: {mode: routed, allow: ['[fd00::/8]:53/udp']}\n" + std::string(kTask));
  EXPECT_FALSE(compilation.plan);
  const std::string said = dsl_test::messages(compilation);
  EXPECT_NE(said.find("a task has no IPv6 of its own"), std::string::npos) << said;
}

}  // namespace
}  // namespace dsl
