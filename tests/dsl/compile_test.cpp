// Text in, Plan out.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dsl/compile_file.h"

namespace dsl {
namespace {

using dsl_test::compile_files;
using dsl_test::compile_text;
using dsl_test::messages;
using dsl_test::need_names;
using dsl_test::node;
using dsl_test::shown;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> ids(const Compilation& compilation) {
  std::vector<std::string> names;
  for (const PlanNode& each : compilation.plan.value().nodes) {
    names.push_back(each.id.value);
  }
  return names;
}

std::vector<std::string> argv(const PlanNode& each) {
  std::vector<std::string> words;
  for (const Template& word : each.command.argv) {
    words.push_back(shown(word));
  }
  return words;
}

constexpr std::string_view kOk = "success_criteria: [{'[ ] ok': 'true'}]";

// ---- order -----------------------------------------------------------------------------------

TEST(Compile, MakesOnePhaseOfTasksAtTheTop) {
  const auto compilation = compile_text("tasks:\n  a: {run: make}\n");
  EXPECT_THAT(ids(compilation), ElementsAre("a", "main"));
  EXPECT_THAT(need_names(compilation, "main"), ElementsAre("a"));
  EXPECT_EQ(node(compilation, "main").kind, NodeKind::PhaseGate);
  EXPECT_EQ(compilation.plan->phases[0].gate, 1U);
}

TEST(Compile, LetsAPhaseWaitForTheOneAboveIt) {
  const auto compilation = compile_text(R"(
phases:
  one: {tasks: {a: {run: make}, b: {run: make, needs: [a]}}}
  two: {tasks: {c: {run: make}, d: {run: make, needs: [c]}, e: {run: make, needs: [a]}}}
)");
  EXPECT_THAT(ids(compilation), ElementsAre("a", "b", "one", "c", "d", "e", "two"));
  EXPECT_THAT(need_names(compilation, "one"), ElementsAre("a", "b"));
  EXPECT_THAT(need_names(compilation, "c"), ElementsAre("one"));
  EXPECT_THAT(need_names(compilation, "d"), ElementsAre("c"));  // which has waited for the gate
  EXPECT_THAT(need_names(compilation, "e"), ElementsAre("a", "one"));
}

TEST(Compile, LetsAPhaseSayItsOwnNeeds) {
  const auto compilation = compile_text(R"(
phases:
  one: {tasks: {a: {run: make}}}
  two: {needs: [], tasks: {b: {run: make}}}
  three: {needs: [one, two], tasks: {c: {run: make}}}
)");
  EXPECT_THAT(need_names(compilation, "b"), IsEmpty());
  EXPECT_THAT(need_names(compilation, "c"), ElementsAre("one", "two"));
}

TEST(Compile, PutsNeedsBeforeTheirTasksWhateverTheFileOrder) {
  const auto compilation = compile_text(R"(
tasks:
  last: {run: make, needs: [middle]}
  middle: {run: make, needs: [first]}
  first: {run: make}
)");
  EXPECT_THAT(ids(compilation), ElementsAre("first", "middle", "last", "main"));
}

// ---- what is said once for all -----------------------------------------------------------------

TEST(Compile, GivesATaskNoBudgetThatAllOfThemShare) {
  const auto compilation = compile_text(R"(
budget: {cost: $20}
defaults: {budget: {turns: 5}}
phases:
  one:
    budget: {cost: $10}
    tasks: {a: {run: make}, b: {run: make, budget: {cost: $4}}}
)");
  EXPECT_EQ(node(compilation, "a").budget, (Budget{{}, {}, 5, {}, {}}));
  EXPECT_EQ(node(compilation, "b").budget, (Budget{Money{4'000'000}, {}, {}, {}, {}}));
  EXPECT_TRUE(node(compilation, "one").budget.empty());
  EXPECT_EQ(compilation.plan->phases[0].budget.cost, Money{10'000'000});
  EXPECT_EQ(compilation.plan->budget.cost, Money{20'000'000});
}

TEST(Compile, TakesADockerfileByItsNameAlone) {
  const auto compilation =
      compile_text("image: {build: Dockerfile}\nengine: docker\ntasks: {t: {run: make}}\n");
  const dsl::Image& image = node(compilation, "t").image;
  EXPECT_EQ(image.kind, dsl::Image::Kind::Build);
  EXPECT_EQ(image.reference, "Dockerfile");
}

TEST(Compile, TakesAValueFromTheNearestPlaceThatStatesIt) {
  const auto compilation = compile_files({{"p.yaml", R"(
version: 1
name: x
image: from-pipeline
env: {A: pipeline, B: pipeline, C: pipeline, D: pipeline}
resources: {cpus: 1, memory: 1GiB}
budget: {cost: $9, per_day: {cost: $20}}
defaults:
  image: from-defaults
  timeout: 1h
  env: {B: defaults, C: defaults, D: defaults}
  resources: {pids: 100}
phases:
  p:
    env: {C: phase, D: phase}
    tasks:
      plain: {run: make}
      step: {uses: ./step.yaml}
      own:
        uses: ./step.yaml
        image: from-task
        timeout: 1m
        env: {D: task}
        resources: {memory: 2GiB}
        budget: {turns: 5}
)"},
                                          {"step.yaml", R"(
run: make
image: from-step
env: {E: step}
success_criteria: [{'[ ] step': 'true'}]
)"}});
  const PlanNode& plain = node(compilation, "plain");
  EXPECT_EQ(plain.image.reference, "from-defaults");
  EXPECT_EQ(plain.timeout.ms, 3'600'000);
  EXPECT_TRUE(plain.budget.empty());  // that is the pipeline's
  EXPECT_EQ(compilation.plan->budget.cost_per_day->micros, 20'000'000);
  EXPECT_EQ(node(compilation, "step").image.reference, "from-step");
  const PlanNode& own = node(compilation, "own");
  EXPECT_EQ(own.image.reference, "from-task");
  EXPECT_EQ(own.timeout.ms, 60'000);
  EXPECT_EQ(own.resources.cpus->millis, 1'000);
  EXPECT_EQ(own.resources.memory->count, 2LL << 30);
  EXPECT_EQ(own.resources.pids, 100);
  EXPECT_FALSE(own.budget.cost);
  EXPECT_EQ(own.budget.turns, 5);
  std::string env;
  for (const EnvVar& variable : own.env) {
    env += variable.name + "=" + shown(variable.value) + " ";
  }
  EXPECT_EQ(env, "A=pipeline B=defaults C=phase E=step D=task ");
}

TEST(Compile, AlwaysProtectsThePipelineFileAndTheSettings) {
  const auto protected_by =
      [](const std::string& path, const std::string& directory, const std::string& source) {
        CompileRequest request;
        request.path = path;
        request.directory = directory;
        request.read_file = [&](const std::string& /*path*/) -> Result<std::string> {
          return "version: 1\nname: x\nworkspace: {source: '" + source +
                 "', protect: [checks/]}\ntasks: {a: {run: make, workspace: {protect: [more]}}}\n";
        };
        return node(dsl::compile(request), "a").workspace.protect;
      };
  EXPECT_THAT(protected_by("p.yaml", "", "."), ElementsAre("checks/", "more", ".pipe/", "p.yaml"));
  EXPECT_THAT(protected_by("ci/p.yaml", "", "."),
              ElementsAre("checks/", "more", ".pipe/", "p.yaml"));
  EXPECT_THAT(protected_by("ci/p.yaml", "", ".."),
              ElementsAre("checks/", "more", "ci/.pipe/", ".pipe/", "ci/p.yaml"));
  EXPECT_THAT(protected_by("ci/p.yaml", "", "src"), ElementsAre("checks/", "more", ".pipe/"));
  EXPECT_THAT(protected_by("p.yaml", "/home/ada/project", ".."),
              ElementsAre("checks/", "more", "project/.pipe/", ".pipe/", "project/p.yaml"));
  EXPECT_THAT(protected_by("../p.yaml", "/home/ada/project", "project"),
              ElementsAre("checks/", "more", ".pipe/"));
}

TEST(Compile, AValueIsNoCodeInTheScriptOfAList) {
  const auto compilation = dsl_test::compile_text(
      "inputs: {who: {default: 'x; id'}}\n"
      "tasks: {a: {run: [/bin/sh, -ec, 'echo ${{ inputs.who }}', '${{ inputs.who }}']}}\n");
  EXPECT_THAT(argv(node(compilation, "a")),
              ElementsAre("/bin/sh", "-ec", "echo \"${PIPE_EXPR_1}\"", "x; id"));
}

TEST(Compile, ProtectsWhatALinkToThePipelineFileLeadsTo) {
  const auto protected_by = [](const std::string& link_target, const std::string& source) {
    CompileRequest request;
    request.path = "ci/p.yaml";
    request.link_target = link_target;
    request.read_file = [&](const std::string& /*path*/) -> Result<std::string> {
      return "version: 1\nname: x\nworkspace: {source: '" + source +
             "'}\ntasks: {a: {run: make}}\n";
    };
    return node(dsl::compile(request), "a").workspace.protect;
  };
  EXPECT_THAT(protected_by("shared/real.yaml", "."),
              ElementsAre(".pipe/", "p.yaml", "shared/real.yaml"));
  EXPECT_THAT(protected_by("../real.yaml", ".."),
              ElementsAre("ci/.pipe/", ".pipe/", "ci/p.yaml", "real.yaml"));
  EXPECT_THAT(protected_by("../../elsewhere/real.yaml", "."), ElementsAre(".pipe/", "p.yaml"));
}

TEST(Compile, PutsTheCommandLineAboveTheFile) {
  CompileRequest request;
  request.path = "p.yaml";
  request.engine = EngineName::Host;
  request.read_file = [](const std::string& /*path*/) -> Result<std::string> {
    return std::string(
        "version: 1\nname: x\nengine: sandbox\ntasks: {a: {run: make, engine: sandbox}}\n");
  };
  const auto compilation = dsl::compile(request);
  EXPECT_EQ(node(compilation, "a").engine, EngineName::Host);
  EXPECT_EQ(compilation.plan->engine, EngineName::Host);
}

// ---- commands and expressions ------------------------------------------------------------------

TEST(Compile, RunsAScriptInAShellAndAListWithoutOne) {
  const auto compilation = compile_text(R"(
tasks:
  script: {run: make all}
  bash: {run: make all, shell: bash}
  list: {run: [make, all]}
  python: {run: print(1), shell: [python3, -c]}
)");
  EXPECT_THAT(argv(node(compilation, "script")), ElementsAre("/bin/sh", "-e", "-c", "make all"));
  EXPECT_THAT(argv(node(compilation, "bash")),
              ElementsAre("bash", "-eo", "pipefail", "-c", "make all"));
  EXPECT_THAT(argv(node(compilation, "list")), ElementsAre("make", "all"));
  EXPECT_THAT(argv(node(compilation, "python")), ElementsAre("python3", "-c", "print(1)"));
}

// A title or a branch name in a script must never become code.
TEST(Compile, PassesExpressionsToScriptsAsVariables) {
  const auto compilation = compile_text(R"yaml(
inputs: {title: {type: string, default: "$(reboot)"}}
tasks:
  first: {run: make, outputs: {v: string}}
  second:
    needs: [first]
    run: echo "${{ inputs.title }}" "${{ needs.first.outputs.v }}" "${{ inputs.title }}"
)yaml");
  const PlanNode& second = node(compilation, "second");
  EXPECT_EQ(argv(second).back(), R"(echo "${PIPE_EXPR_1}" "${PIPE_EXPR_2}" "${PIPE_EXPR_1}")");
  ASSERT_EQ(second.env.size(), 2U);
  EXPECT_EQ(shown(second.env[0].value), "$(reboot)");
  EXPECT_EQ(shown(second.env[1].value), "<needs.first.outputs.v>");
}

TEST(Compile, FoldsWhatIsKnownAndKeepsTheRestForTheRun) {
  const auto compilation = compile_text(R"(
inputs: {who: {default: Ada}, count: {type: number, default: 2}}
env: {NAME: "${{ inputs.who }}"}
tasks:
  a:
    run: make
    outputs: {v: string}
  b:
    needs: [a]
    if: inputs.count > 1 && needs.a.result == 'success'
    env: {GREETING: "Hello ${{ env.NAME }}, ${{ needs.a.outputs.v }} of ${{ run.id }}"}
    run: make
)");
  ASSERT_EQ(messages(compilation).find("error"), std::string::npos) << messages(compilation);
  const PlanNode& b = node(compilation, "b");
  EXPECT_EQ(shown(b.env[1].value), "Hello Ada, <needs.a.outputs.v> of <run.id>");
  ASSERT_TRUE(b.condition);
  EXPECT_EQ(b.condition->find("inputs"), std::string::npos) << *b.condition;
}

TEST(Compile, AnImageThatIsComputedIsANameToo) {
  for (const char* name : {"../info?a=", "--help", "x/json HTTP/1.1", "a//b", "ä", "x\\y"}) {
    const auto compilation = compile_text(
        "inputs: {img: {default: debian}}\nengine: docker\ntasks: {a: {run: make, image: \"${{ "
        "inputs.img }}\"}}\n",
        {{"img", name}});
    EXPECT_FALSE(compilation.plan) << name;
  }
  const auto named = compile_text(
      "inputs: {img: {default: debian}}\nengine: docker\ntasks: {a: {run: make, image: \"${{ "
      "inputs.img }}\"}}\n",
      {{"img", "registry.example:5000/a_b/c-d:1.2@sha256:0123abc"}});
  EXPECT_TRUE(named.plan) << messages(named);
}

TEST(Compile, GivesInputsTheirTypes) {
  const std::string text = R"(
inputs:
  text: {type: string, default: 1.10}
  number: {type: number, default: 2}
  flag: {type: boolean, default: false}
  list: {type: json, default: [1]}
tasks: {a: {run: make}}
)";
  const auto defaults = compile_text(text);
  EXPECT_EQ(to_json(Value(defaults.plan.value().inputs)),
            R"({"text":"1.10","number":2,"flag":false,"list":[1]})");
  const auto given = compile_text(
      text, {{"text", "true"}, {"number", "-1.5"}, {"flag", "true"}, {"list", R"({"a":null})"}});
  EXPECT_EQ(to_json(Value(given.plan.value().inputs)),
            R"({"text":"true","number":-1.5,"flag":true,"list":{"a":null}})");
}

// A later layer replaces a variable; texts after that must see the new value.
TEST(Compile, LetsTextsSeeTheVariableThatWins) {
  const auto compilation = compile_text(R"yaml(
env: {A: old, B: "${{ env.A }}"}
tasks:
  t: {env: {A: new}, run: 'echo "${{ env.A }}"'}
)yaml");
  const PlanNode& t = node(compilation, "t");
  EXPECT_EQ(shown(t.env[0].value), "old");  // B was read where A was still the pipeline's
  EXPECT_EQ(shown(t.env[1].value), "new");
  EXPECT_EQ(shown(t.env[2].value), "new");
}

TEST(Compile, DoesNotGiveAStepTheShellOfThePipelinesScripts) {
  const auto compilation = compile_files({{"p.yaml", R"(
version: 1
name: x
defaults: {shell: [python3, -c]}
tasks: {own: {run: print(1)}, step: {uses: ./s.yaml}}
)"},
                                          {"s.yaml", "run: make\n"}});
  EXPECT_EQ(argv(node(compilation, "own"))[0], "python3");
  EXPECT_EQ(argv(node(compilation, "step"))[0], "/bin/sh");
}

TEST(Compile, AsksForAnImageOnlyWhereSomethingRuns) {
  const auto compilation =
      compile_text("engine: docker\ntasks: {t: {run: make, image: debian}, ask: {approval: Ok}}\n");
  EXPECT_TRUE(compilation.plan) << messages(compilation);
}

TEST(Compile, ComparesJsonWithTheTypeOfTheInput) {
  const auto compilation = compile_text(R"yaml(
inputs: {n: {type: number, default: 3}}
tasks: {t: {run: make, success_criteria: [{"[ ] ok": {json: {file: a, less: "${{ inputs.n }}"}}}]}}
)yaml");
  EXPECT_EQ(std::get<JsonCheck>(node(compilation, "t").criteria.at(0).check).expected, Value(3.0));
}

// ---- steps -----------------------------------------------------------------------------------

TEST(Compile, PutsAStepIntoTheTaskThatUsesIt) {
  const auto compilation = compile_files({{"p.yaml", R"(
version: 1
name: x
inputs: {who: {default: Ada}}
tasks:
  list: {run: make, outputs: {v: string}}
  greet:
    needs: [list]
    uses: ./steps/outer.yaml
    with: {name: "${{ inputs.who }}", version: "v${{ needs.list.outputs.v }}"}
    success_criteria: [{'[ ] own': 'true'}]
)"},
                                          {"steps/outer.yaml", R"(
name: outer
inputs: {name: {type: string}, version: {type: string, default: none}, times: {type: number, default: 3}}
uses: ./inner.yaml
with: {text: "Hello ${{ inputs.name }} ${{ inputs.version }} ${{ inputs.times }}"}
success_criteria: [{'[ ] outer ${{ inputs.name }}': 'true'}]
)"},
                                          {"steps/inner.yaml", R"(
name: inner
inputs: {text: {type: string}}
run: echo "${{ inputs.text }}"
outputs: {done: boolean}
)"}});
  ASSERT_EQ(messages(compilation).find("error"), std::string::npos) << messages(compilation);
  const PlanNode& greet = node(compilation, "greet");
  EXPECT_EQ(argv(greet).back(), "echo \"${PIPE_EXPR_1}\"");
  EXPECT_THAT(shown(greet.env.back().value), HasSubstr("needs.list.outputs.v"));
  EXPECT_THAT(shown(greet.env.back().value), testing::Not(HasSubstr("inputs")));
  ASSERT_EQ(greet.criteria.size(), 2U);
  EXPECT_EQ(greet.criteria[0].text, "own");
  EXPECT_EQ(greet.criteria[1].text, "outer Ada");
  EXPECT_EQ(greet.outputs[0].type, ValueType::Boolean);
}

TEST(Compile, ReadsAStepOnceAndOnlyBeneathThePipelinesFolder) {
  std::vector<std::string> asked;
  CompileRequest request;
  request.path = "ci/p.yaml";
  request.read_file = [&](const std::string& path) -> Result<std::string> {
    asked.push_back(path);
    return path == "ci/p.yaml"
               ? std::string(
                     "version: 1\nname: x\ntasks: {a: {uses: ./s/../s/x.yaml}, b: {uses: "
                     "./s/x.yaml}, c: {uses: ../x.yaml}}\n")
               : std::string("run: make\n");
  };
  const auto compilation = dsl::compile(request);
  EXPECT_THAT(asked, ElementsAre("ci/p.yaml", "ci/s/x.yaml"));
  EXPECT_THAT(messages(compilation), HasSubstr("leads out of the pipeline's folder"));
}

TEST(Compile, DigestsEveryFileThatItRead) {
  const auto digest = [](const std::string& step) {
    return compile_files({{"p.yaml", "version: 1\nname: x\ntasks: {a: {uses: ./s.yaml}}\n"},
                          {"s.yaml", step}})
        .plan.value()
        .source_digest;
  };
  EXPECT_EQ(digest("run: make\n").size(), 64U);
  EXPECT_EQ(digest("run: make\n"), digest("run: make\n"));
  EXPECT_NE(digest("run: make\n"), digest("run: make\n# a word\n"));
}

// ---- criteria, services, approvals -------------------------------------------------------------

TEST(Compile, ReadsEveryKindOfCriterion) {
  const auto compilation = compile_text(R"(
services: {app: {run: ./app, port: 8080}}
tasks:
  a:
    run: make
    success_criteria:
      - "[ ] run": make check
      - "[ ] list": [make, check]
      - "[ ] red": {run: make check, exit_code: 2, red_first: true, timeout: 5s, env: {A: b}}
      - "[ ] http": {http: {url: "http://localhost:8080/x", method: POST, status: 403}, service: app}
      - "[ ] file": {file: out/a}
      - "[ ] gone": {file: {path: out/a, exists: false}}
      - "[ ] json": {json: {file: a.json, pointer: /a/0, at_most: 2.5}}
      - "[ ] diff": {diff: {only: [src/], must: src/a}}
      - "[ ] manual": {manual: "Is it good?"}
)");
  ASSERT_EQ(messages(compilation), "");
  const auto& criteria = node(compilation, "a").criteria;
  ASSERT_EQ(criteria.size(), 9U);
  EXPECT_EQ(criteria[0].text, "run");
  EXPECT_EQ(criteria[0].timeout.ms, 600'000);
  EXPECT_EQ(shown(std::get<RunCheck>(criteria[1].check).command.argv[1]), "check");
  EXPECT_TRUE(criteria[2].red_first);
  EXPECT_EQ(criteria[2].timeout.ms, 5'000);
  EXPECT_EQ(std::get<RunCheck>(criteria[2].check).exit_code, 2);
  EXPECT_EQ(std::get<RunCheck>(criteria[2].check).env[0].name, "A");
  EXPECT_EQ(std::get<HttpCheck>(criteria[3].check).status, 403);
  EXPECT_EQ(criteria[3].service, "app");
  EXPECT_TRUE(std::get<FileCheck>(criteria[4].check).exists);
  EXPECT_FALSE(std::get<FileCheck>(criteria[5].check).exists);
  const auto& json = std::get<JsonCheck>(criteria[6].check);
  EXPECT_EQ(json.comparison, JsonCheck::Comparison::LessOrEqual);
  EXPECT_EQ(json.expected, Value(2.5));
  EXPECT_THAT(std::get<DiffCheck>(criteria[7].check).must, ElementsAre("src/a"));
  EXPECT_EQ(std::get<ManualCheck>(criteria[8].check).question, "Is it good?");
}

TEST(Compile, TellsTheServicesOfANodeFromThoseOfItsCriteria) {
  const auto compilation = compile_text(R"(
services:
  db: {image: postgres:15, port: 5432}
  app: {run: ./app, port: 8080}
tasks:
  a:
    run: make
    image: debian:12
    services: [db]
    success_criteria:
      - "[ ] answers": {http: "http://localhost:8080/", service: app}
)");
  const auto& services = node(compilation, "a").services;
  ASSERT_EQ(services.size(), 2U);
  EXPECT_EQ(services[0].name, "db");
  EXPECT_TRUE(services[0].beside_node);
  EXPECT_EQ(services[0].image.reference, "postgres:15");
  EXPECT_EQ(services[1].name, "app");
  EXPECT_FALSE(services[1].beside_node);
  EXPECT_EQ(services[1].image.reference, "debian:12");  // the node's own, where it names none
}

TEST(Compile, MakesAnApprovalANodeThatRunsNothing) {
  const auto compilation = compile_text("tasks: {ask: {approval: \"Does it read well?\"}}\n");
  const PlanNode& ask = node(compilation, "ask");
  EXPECT_EQ(ask.kind, NodeKind::Approval);
  EXPECT_EQ(ask.approval, "Does it read well?");
  EXPECT_TRUE(ask.command.argv.empty());
  EXPECT_EQ(messages(compilation), "");  // nor is it expected to have criteria
}

// ---- mistakes ----------------------------------------------------------------------------------

TEST(Compile, HasAPlanExactlyWhenThereIsNoError) {
  EXPECT_TRUE(compile_text("tasks: {a: {run: make}}\n").plan);  // a warning only
  EXPECT_FALSE(compile_text("tasks: {a: {rum: make}}\n").plan);
  EXPECT_FALSE(compile_text("").plan);
}

TEST(Compile, ReportsAFileThatCannotBeRead) {
  const auto compilation = compile_files({});
  EXPECT_FALSE(compilation.plan);
  EXPECT_THAT(messages(compilation), HasSubstr("cannot read 'p.yaml'"));
}

TEST(Compile, GivesTheSameForTheSame) {
  const std::string text = "tasks: {b: {run: make, needs: [c]}, a: {run: make, neds: x}}\n";
  EXPECT_EQ(messages(compile_text(text)), messages(compile_text(text)));
}

TEST(Compile, SaysOnceWhatEveryTaskTakesOver) {
  const auto compilation =
      compile_text("defaults: {env: {A: '${{ inputs.no }}'}}\ntasks:\n  a: {run: m, " +
                   std::string(kOk) + "}\n  b: {run: m, " + std::string(kOk) + "}\n");
  EXPECT_EQ(compilation.diagnostics.size(), 1U);
}

TEST(Compile, IsNotImpressedByALadder) {
  std::string text = "tasks:\n";
  for (int level = 0; level < 60; ++level) {
    for (const char* side : {"a", "b"}) {
      text += "  " + std::string(side) + std::to_string(level) + ": {run: make" +
              (level == 0 ? ""
                          : ", needs: [a" + std::to_string(level - 1) + ", b" +
                                std::to_string(level - 1) + "]") +
              "}\n";
    }
  }
  EXPECT_EQ(compile_text(text).plan.value().nodes.size(), 121U);
}

}  // namespace
}  // namespace dsl
