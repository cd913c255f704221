import { expect, test } from "vitest";
import { JARS_NAME, kafkaProject } from "../../../../scripts/kafka/maven-project.ts";
import { copyArgs } from "../../../../scripts/maven-jars.ts";

test("the project names the broker, its tools and a logger, by their versions", () => {
  const found = kafkaProject().matchAll(
    /<dependency>\s*<groupId>(.*)<\/groupId>\s*<artifactId>(.*)<\/artifactId>\s*<version>(.*)<\/version>/g,
  );
  expect([...found].map((match) => match.slice(1).join(":"))).toEqual([
    "org.apache.kafka:kafka_2.13:4.3.1",
    "org.apache.kafka:kafka-tools:4.3.1",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
  ]);
  expect(JARS_NAME).toBe("4.3.1-log4j-2.25.4");
});

test("the libraries of Kafka Connect are left out, of the tools alone", () => {
  const [before = "", exclusions = "", after = ""] = kafkaProject().split(/<\/?exclusions>/);
  expect([...exclusions.matchAll(/<artifactId>(.*)<\/artifactId>/g)].map(([, name]) => name)).toEqual([
    "connect-api",
    "connect-json",
    "connect-runtime",
  ]);
  expect(before.trimEnd()).toMatch(/kafka-tools<\/artifactId>\s*<version>[\d.]+<\/version>$/);
  expect(after).toMatch(/^\s*<\/dependency>/);
});

test("Maven works beside the user's repository, and pins its plugin", () => {
  expect(copyArgs({ project: "/w/pom.xml", repository: "/w/repository", jars: "/j" })).toEqual([
    "--batch-mode",
    "--quiet",
    "--strict-checksums",
    "-Dstyle.color=never",
    "-Dmaven.repo.local=/w/repository",
    "--file=/w/pom.xml",
    "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
    "-DincludeScope=runtime",
    "-DoutputDirectory=/j",
  ]);
});
