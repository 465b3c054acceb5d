"""AWS's SDK and Anthropic's for Bedrock. No client of the gateway speaks this: they check the mock, framing and signatures included."""

import json

import anthropic
import boto3
import botocore.config
import botocore.exceptions

from anthropic_client import MessagesConversation
from conversation import PNG, TOOL, TOOL_DESCRIPTION, TOOL_SCHEMA, Answer, Ask, Call, Client, Conversation, Report
from servers import AWS_ACCESS_KEY, AWS_REGION, AWS_SECRET_KEY


class Invoke(Client):
    name, inbound = "anthropic-python bedrock", "invoke"
    own = (anthropic.APIError,)
    raises: dict = {}

    def __init__(self, base: str, key: str):
        self.sdk = anthropic.AnthropicBedrock(
            base_url=base, aws_region=AWS_REGION, aws_access_key=AWS_ACCESS_KEY, aws_secret_key=AWS_SECRET_KEY, max_retries=0, timeout=20
        )

    def talk(self, model, ask):
        conversation = MessagesConversation(self.sdk, model, ask)
        # The SDK names a version of the API that models with a version in their name do not have on Bedrock.
        conversation.options["extra_body"] = {"anthropic_version": "bedrock-2023-05-31"}
        return conversation

    def status(self, error):
        return error.status_code

    def headers(self, error):
        return error.response.headers


class Converse(Client):
    name, inbound = "boto3 converse", "converse"
    own = (botocore.exceptions.ClientError,)
    raises: dict = {}

    def __init__(self, base: str, key: str):
        self.sdk = boto3.client(
            "bedrock-runtime",
            endpoint_url=base,
            region_name=AWS_REGION,
            aws_access_key_id=AWS_ACCESS_KEY,
            aws_secret_access_key=AWS_SECRET_KEY,
            config=botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=20),
        )

    def talk(self, model, ask):
        return ConverseConversation(self.sdk, model, ask)

    def status(self, error):
        return error.response["ResponseMetadata"]["HTTPStatusCode"]

    def headers(self, error):
        return error.response["ResponseMetadata"]["HTTPHeaders"]


def closed(schema: dict) -> dict:
    """The schema with every object closed, as Claude wants it."""
    for inner in [schema, *schema.get("$defs", {}).values()]:
        inner["additionalProperties"] = False
    return schema


class ConverseConversation(Conversation):
    def __init__(self, sdk, model: str, ask: Ask):
        self.sdk = sdk
        self.options: dict = {"modelId": model, "inferenceConfig": {"maxTokens": 4096}}
        content: list = [{"text": ask.prompt}]
        if ask.image:
            content.append({"image": {"format": "png", "source": {"bytes": PNG}}})
        self.messages: list = [{"role": "user", "content": content}]
        if ask.system:
            self.options["system"] = [{"text": ask.system}]
        if ask.tools:
            spec = {"name": TOOL, "description": TOOL_DESCRIPTION, "inputSchema": {"json": TOOL_SCHEMA}}
            self.options["toolConfig"] = {"tools": [{"toolSpec": spec}]}
        if ask.reason:
            self.options["additionalModelRequestFields"] = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
        if ask.schema:
            wanted = {"name": "report", "schema": json.dumps(closed(Report.model_json_schema()))}
            self.options["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": wanted}}}
        self.schema = ask.schema

    def send(self, stream):
        if stream:
            content, finish, used = self.streamed()
        else:
            response = self.sdk.converse(messages=self.messages, **self.options)
            content, finish, used = response["output"]["message"]["content"], response["stopReason"], response["usage"]
        self.messages.append({"role": "assistant", "content": content})
        answer = Answer(wants_tools=finish == "tool_use")
        for block in content:
            answer.text += block.get("text", "")
            if "toolUse" in block:
                answer.calls.append(Call(block["toolUse"]["toolUseId"], block["toolUse"]["name"], block["toolUse"]["input"]))
            elif "reasoningContent" in block:
                answer.thought += block["reasoningContent"]["reasoningText"]["text"]
        if self.schema:
            answer.parsed = Report.model_validate_json(answer.text)
        answer.cached_tokens, answer.output_tokens = used["cacheReadInputTokens"], used["outputTokens"]
        answer.prompt_tokens = used["inputTokens"] + used["cacheReadInputTokens"] + used["cacheWriteInputTokens"]
        return answer

    def streamed(self):
        blocks: dict[int, dict] = {}
        finish, used = None, None
        for event in self.sdk.converse_stream(messages=self.messages, **self.options)["stream"]:
            if start := event.get("contentBlockStart"):
                blocks[start["contentBlockIndex"]] = {"toolUse": {**start["start"]["toolUse"], "input": ""}}
            elif delta := event.get("contentBlockDelta"):
                index, delta = delta["contentBlockIndex"], delta["delta"]
                if "text" in delta:
                    blocks.setdefault(index, {"text": ""})["text"] += delta["text"]
                elif "toolUse" in delta:
                    blocks[index]["toolUse"]["input"] += delta["toolUse"]["input"]
                elif "reasoningContent" in delta:
                    thought = blocks.setdefault(index, {"reasoningContent": {"reasoningText": {"text": "", "signature": ""}}})
                    for member, text in delta["reasoningContent"].items():
                        thought["reasoningContent"]["reasoningText"][member] += text
            elif "messageStop" in event:
                finish = event["messageStop"]["stopReason"]
            elif "metadata" in event:
                used = event["metadata"]["usage"]
        for block in blocks.values():
            if "toolUse" in block:
                block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
        return [blocks[i] for i in sorted(blocks)], finish, used

    def read(self, seen):
        for event in self.sdk.converse_stream(messages=self.messages, **self.options)["stream"]:
            if delta := event.get("contentBlockDelta"):
                seen.append(delta["delta"]["text"])

    def results(self, texts):
        blocks = [{"toolResult": {"toolUseId": call.id, "content": [{"text": text}]}} for call, text in texts]
        self.messages.append({"role": "user", "content": blocks})
