// schemas/pipeline.schema.json and step.schema.json: what an editor knows is what the parser knows.

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "dsl/parse.h"
#include "tests/schema/schema.h"

namespace schema_test {
namespace {

const Schema& pipeline_schema() {
  static const Schema schema("pipeline.schema.json");
  return schema;
}

const Schema& step_schema() {
  static const Schema schema("step.schema.json");
  return schema;
}

const Schema& preset_schema() {
  static const Schema schema("firewall.schema.json");
  return schema;
}

const Schema& prices_schema() {
  static const Schema schema("prices.schema.json");
  return schema;
}

bool is_preset(const std::string& file) {
  return file.find("firewall/") != std::string::npos;
}

bool is_prices(const std::string& file) {
  return file == "stdlib/prices.yaml";
}

/// The parser's record names are the schema's, but for an image, which can be a text as well.
std::string definition_of(std::string_view record) {
  return record == "image" ? "image_source" : std::string(record);
}

TEST(PipelineSchema, KnowsTheKeysOfTheParser) {
  std::set<std::string> records;
  for (const auto& [record, keys] : dsl::known_keys()) {
    const std::set<std::string> expected(keys.begin(), keys.end());
    if (record == "pipeline") {
      EXPECT_EQ(pipeline_schema().properties(""), expected);
    } else if (record == "step") {
      EXPECT_EQ(step_schema().properties(""), expected);
    } else if (record == "preset") {
      EXPECT_EQ(preset_schema().properties(""), expected);
    } else {
      records.insert(definition_of(record));
      EXPECT_EQ(pipeline_schema().properties(definition_of(record)), expected) << record;
    }
  }
  EXPECT_EQ(pipeline_schema().closed_records(), records);
}

TEST(PipelineSchema, TakesEveryExample) {
  const auto files = example_pipelines();
  EXPECT_GE(files.size(), 8u);
  for (const std::string& file : files) {
    EXPECT_EQ(pipeline_schema().judge(json_of_yaml(read_source_file(file))), "") << file;
  }
  for (const std::string& file : example_steps()) {
    EXPECT_EQ(step_schema().judge(json_of_yaml(read_source_file(file))), "") << file;
  }
}

TEST(PipelineSchema, TakesEveryStepOfTheLibrary) {
  const auto files = source_files("stdlib", ".yaml");
  EXPECT_FALSE(files.empty());
  for (const std::string& file : files) {
    const Schema& schema = is_preset(file)   ? preset_schema()
                           : is_prices(file) ? prices_schema()
                                             : step_schema();
    EXPECT_EQ(schema.judge(json_of_yaml(read_source_file(file))), "") << file;
  }
}

TEST(PipelineSchema, IsNamedInEveryExampleAndStep) {
  for (const std::string& file : example_pipelines()) {
    EXPECT_NE(read_source_file(file).find("$schema=../../schemas/pipeline.schema.json\n"),
              std::string::npos)
        << file;
  }
  for (const std::string& file : source_files("stdlib", ".yaml")) {
    const std::string schema = is_preset(file)   ? "../schemas/firewall"
                               : is_prices(file) ? "schemas/prices"
                                                 : "../schemas/step";
    EXPECT_NE(read_source_file(file).find("$schema=../" + schema + ".schema.json\n"),
              std::string::npos)
        << file;
  }
}

TEST(PipelineSchema, TakesTheWholeLanguage) {
  EXPECT_EQ(pipeline_schema().judge(json_of_yaml(R"yaml(
version: 1
name: all
description: Everything once
inputs:
  service: {type: string, default: gateway, description: Which, options: [gateway, other]}
  free:
image: {build: {dockerfile: Dockerfile, context: .}}
engine: auto
resources: {cpus: 0.5, memory: 4GiB, pids: 512, disk: 10GB}
workspace: {source: ., mode: copy, protect: [tests/contract/, Makefile]}
secrets:
  GITHUB_TOKEN:
  OTHER: {command: [gh, auth, token], expires: 1h, expose: true}
  X: {file: key, hosts: ["*.example.org:8443"], header: "X-Key: ${value}"}
  Y: {expose: file}
env_file: [.env, more.env]
git:
  message: "feat(${task}): ${description}"
  conventional: true
  protected: [main, "release/*"]
  push: true
  remote: upstream
  pull_request: {title: t, body: b, base: main, draft: true, labels: [x]}
budget: {cost: $20, time: 3h, turns: 500, tokens: 5M, per_day: {cost: $100.25}}
firewall: {mode: routed, allow: [api.example.org:443], allow_private: ["10.0.0.0/8:5432"]}
env: {LANG: C, LEVEL: 3}
defaults: {timeout: 1h30m, retry: {attempts: 2, backoff: 1s, max_backoff: 250ms}}
pools: {db: 1}
services: {db: {image: postgres, port: 5432, ready_timeout: 10s, env: {A: b}}}
require_approval: true
phases:
  first:
    description: The first
    budget: {tokens: 1500}
    env: {A: b}
    tasks:
      build:
        run: [make, -j, 2]
        shell: [python3, -c]
        matrix: {os: [linux, mac], cc: "${{ fromJSON(inputs.service) }}", exclude: [{os: mac}]}
        outputs: {list: json, version: {file: VERSION, type: string}, plain: null}
        artifacts: {binary: out/*}
        cache: {key: "${{ hashFiles('go.sum') }}", paths: ["~/.cache/go"]}
        workspace: {mode: readonly, protect: src/}
        working_directory: src
        docker: broker
        permissions: {allow: [git log], deny: ["git *", ./release.sh], message: No}
      each:
        needs: build
        for_each: ${{ needs.build.outputs.list }}
        if: failure()
        uses: std/check/whitespace
        with: {files: "*.c", level: 3}
        cache: false
        services: [db]
        image: host
        user: root
        runtime: runc
        pool: db
        allow_failure: true
        expect: 2d
        success_criteria:
          - "[ ] a": make check
          - "[ ] b": {run: [false], exit_code: 1, red_first: true, timeout: 5m, env: {A: b}}
          - "[ ] c": {http: {url: "http://localhost/", status: 403, headers: {A: b}}, service: db}
          - "[ ] d": {http: "http://localhost/"}
          - "[ ] e": {file: {path: a, contains: x, matches: y, executable: true}}
          - "[ ] f": {json: {file: a.json, pointer: /a, at_least: 3}}
          - "[ ] g": {json: {file: a.json, equals: [1, null]}}
          - "[ ] h": {diff: {only: ["src/**"], never: x, must: [y]}}
          - "[ ] i": {manual: Read it}
          - "[ ] j": [make, check]
  second:
    needs: []
    tasks: {review: {approval: "Good?"}}
    success_criteria: [{"[ ] All": make check}]
)yaml")),
            "");
}

struct Bad {
  const char* name;
  const char* yaml;
};

void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

class Refused : public testing::TestWithParam<Bad> {};

TEST_P(Refused, ByThePipelineSchema) {
  EXPECT_NE(pipeline_schema().judge(json_of_yaml(GetParam().yaml)), "");
}

INSTANTIATE_TEST_SUITE_P(
    Pipelines,
    Refused,
    testing::Values(
        Bad{"no version", "name: a\ntasks: {a: {run: b}}"},
        Bad{"a later version", "version: 2\nname: a\ntasks: {a: {run: b}}"},
        Bad{"a version in quotes", "version: '1'\nname: a\ntasks: {a: {run: b}}"},
        Bad{"no name", "version: 1\ntasks: {a: {run: b}}"},
        Bad{"a name with blanks", "version: 1\nname: a b\ntasks: {a: {run: b}}"},
        Bad{"no tasks", "version: 1\nname: a"},
        Bad{"tasks and phases",
            "version: 1\nname: a\ntasks: {a: {run: b}}\nphases: {p: {tasks: {c: {run: d}}}}"},
        Bad{"another tool's word", "version: 1\nname: a\njobs: {a: {run: b}}"},
        Bad{"a task that does nothing", "version: 1\nname: a\ntasks: {a: {env: {A: b}}}"},
        Bad{"a task that does two things",
            "version: 1\nname: a\ntasks: {a: {run: b, uses: std/x}}"},
        Bad{"an empty command", "version: 1\nname: a\ntasks: {a: {run: ''}}"},
        Bad{"an unknown key", "version: 1\nname: a\ntasks: {a: {run: b, depends_on: c}}"},
        Bad{"a duration without unit", "version: 1\nname: a\ntasks: {a: {run: b, timeout: 5}}"},
        Bad{"a duration upside down", "version: 1\nname: a\ntasks: {a: {run: b, timeout: 5s1h}}"},
        Bad{"memory without unit",
            "version: 1\nname: a\ntasks: {a: {run: b, resources: {memory: 512}}}"},
        Bad{"money without sign", "version: 1\nname: a\nbudget: {cost: 5}\ntasks: {a: {run: b}}"},
        Bad{"a day's budget of a task",
            "version: 1\nname: a\ntasks: {a: {run: b, budget: {per_day: {cost: $1}}}}"},
        Bad{"retry as a number", "version: 1\nname: a\ntasks: {a: {run: b, retry: 3}}"},
        Bad{"an unknown engine", "version: 1\nname: a\nengine: lxc\ntasks: {a: {run: b}}"},
        Bad{"a reserved variable", "version: 1\nname: a\nenv: {PIPE_X: 1}\ntasks: {a: {run: b}}"},
        Bad{"an image from two places",
            "version: 1\nname: a\nimage: {rootfs: x, archive: y}\ntasks: {a: {run: b}}"},
        Bad{"an absolute folder",
            "version: 1\nname: a\ntasks: {a: {run: b, working_directory: /etc}}"},
        Bad{"a folder outside",
            "version: 1\nname: a\ntasks: {a: {run: b, working_directory: a/../../b}}"},
        Bad{"useless cache", "version: 1\nname: a\ntasks: {a: {run: b, cache: true}}"},
        Bad{"a criterion without box",
            "version: 1\nname: a\ntasks: {a: {run: b, success_criteria: [{good: c}]}}"},
        Bad{"a ticked box",
            "version: 1\nname: a\ntasks: {a: {run: b, success_criteria: [{'[x] good': c}]}}"},
        Bad{"a box without check",
            "version: 1\nname: a\ntasks: {a: {run: b, success_criteria: ['[ ] good']}}"},
        Bad{"two checks in one box",
            "version: 1\nname: a\ntasks: {a: {run: b, success_criteria: [{'[ ] g': {run: c, "
            "file: d}}]}}"},
        Bad{"a json check that compares nothing",
            "version: 1\nname: a\ntasks: {a: {run: b, success_criteria: [{'[ ] g': {json: {file: "
            "c}}}]}}"},
        Bad{"a port that is none",
            "version: 1\nname: a\nservices: {s: {run: x, port: 70000}}\ntasks: {a: {run: b}}"},
        Bad{"a service that starts nothing",
            "version: 1\nname: a\nservices: {s: {port: 80}}\ntasks: {a: {run: b}}"},
        Bad{"a secret that is exposed in no known way",
            "version: 1\nname: a\nsecrets: {TOKEN: {expose: here}}\ntasks: {a: {run: b}}"},
        Bad{"a secret's value",
            "version: 1\nname: a\nsecrets: [TOKEN=abc]\ntasks: {a: {run: b}}"}));

TEST(StepSchema, RefusesWhatIsNoStep) {
  EXPECT_NE(step_schema().judge(json_of_yaml("name: a\n")), "");
  EXPECT_NE(step_schema().judge(json_of_yaml("run: a\nneeds: [b]\n")), "");
  EXPECT_NE(step_schema().judge(json_of_yaml("run: a\ntimeout: 5\n")), "");
}

}  // namespace
}  // namespace schema_test
