// `docker: dind` and the service that is its daemon.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dsl/compile_file.h"

namespace dsl {
namespace {

using dsl_test::compile_text;
using dsl_test::messages;
using dsl_test::node;
using testing::HasSubstr;

constexpr const char* kHead = "engine: docker\nimage: debian:1\n";

TEST(DockerDaemon, IsAServiceBesideTheTask) {
  const auto usual = compile_text(std::string(kHead) + "tasks: {t: {docker: dind, run: make}}\n");
  ASSERT_TRUE(usual.plan) << messages(usual);
  ASSERT_EQ(node(usual, "t").services.size(), 1U);
  const Service& daemon = node(usual, "t").services[0];
  EXPECT_EQ(daemon.name, "docker");
  EXPECT_THAT(daemon.image.reference, testing::EndsWith("-dind"));
  EXPECT_EQ(daemon.port, 2376);
  EXPECT_TRUE(daemon.beside_node);
  EXPECT_TRUE(node(usual, "main").services.empty()) << "a gate runs nothing";
}

TEST(DockerDaemon, HasTheImageThatTheAuthorNames) {
  const auto own =
      compile_text(std::string(kHead) +
                   "defaults: {docker: dind}\nservices: {docker: {image: mine, env: {A: '1'}, "
                   "ready_timeout: 9s}}\ntasks:\n  t: {run: make, services: [docker]}\n"
                   "  u: {run: make, services: {docker: {image: another}}}\n"
                   "  v: {approval: 'Well?'}\n");
  ASSERT_TRUE(own.plan) << messages(own);
  const Service& daemon = node(own, "t").services[0];
  EXPECT_EQ(node(own, "t").services.size(), 1U);
  EXPECT_EQ(daemon.image.reference, "mine");
  EXPECT_EQ(daemon.env.size(), 1U);
  EXPECT_EQ(daemon.port, 2376);
  EXPECT_EQ(daemon.ready_timeout, Duration{9'000});
  EXPECT_EQ(node(own, "u").services[0].image.reference, "another");
  EXPECT_TRUE(node(own, "v").services.empty());
}

TEST(DockerDaemon, WhatItRunsAndWhereItListensIsNotTheAuthorsToSay) {
  const std::string said = messages(compile_text(
      std::string(kHead) +
      "tasks: {t: {docker: dind, run: make, services: {docker: {run: x, image: y, port: 1}}}}\n"));
  EXPECT_THAT(said, HasSubstr("whose 'run' is not yours to say"));
  EXPECT_THAT(said, HasSubstr("whose 'port' is not yours to say"));
  const auto other = compile_text(
      std::string(kHead) + "tasks: {t: {run: make, services: {docker: {run: x, port: 1}}}}\n");
  EXPECT_TRUE(other.plan) << "without dind it is any service: " << messages(other);
}

}  // namespace
}  // namespace dsl
