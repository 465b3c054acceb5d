"""Writes the list prices that the program has with it from those that the package litellm carries: facts alone, one line a model.

    renew.py list.txt [model_prices.json VERSION]

Without a file it has pip fetch the newest package into a folder of its own."""
import datetime
import decimal
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile

# Providers as the list names them, by the package's names. Others cannot be told by their addresses.
PROVIDERS = {p: p for p in """openai anthropic gemini azure deepseek mistral xai moonshot zai dashscope minimax cohere voyage perplexity jina_ai groq cerebras together_ai
fireworks_ai sambanova deepinfra openrouter cloudflare hyperbolic nebius novita volcengine ai21 bedrock vertex_ai""".split()}
PROVIDERS.update({"bedrock_converse": "bedrock", "cohere_chat": "cohere", "azure_ai": "azure", "fireworks_ai-embedding-models": "fireworks_ai", "codestral": "mistral"})

TOKENS = {
    "input_cost_per_token": "input", "output_cost_per_token": "output", "cache_read_input_token_cost": "cached", "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h", "output_cost_per_reasoning_token": "reasoning", "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output", "input_cost_per_image_token": "image_input", "output_cost_per_image_token": "image_output",
}
UNITS = {"output_cost_per_image": "per_image", "input_cost_per_second": "per_second", "input_cost_per_character": "per_character", "input_cost_per_request": "per_request",
         "input_cost_per_query": "per_search"}
TIER = re.compile(r"^(.*?)(?:_above_(\d+)k_tokens)?(?:_(priority|flex))?$")  # nothing can be asked for in a batch here


def amount(value, places):
    """Dollars as they are written in full, to so many decimals."""
    value = decimal.Decimal(str(value)).quantize(decimal.Decimal(1).scaleb(-places))
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def members(row):
    for key, value in row.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            continue
        name, above, service = TIER.match(key).groups()
        tier = (service or "") + (">%d000" % int(above) if above else "")
        if name in TOKENS:
            text = amount(decimal.Decimal(repr(value)).scaleb(6), 6)
            yield (tier + ":" if tier else "") + TOKENS[name] + "=" + text
        elif name in UNITS and not tier:
            yield UNITS[name] + "=" + amount(value, 12)
    searches = row.get("search_context_cost_per_query")
    if isinstance(searches, dict) and "search_context_size_medium" in searches and "input_cost_per_query" not in row:
        yield "per_search=" + amount(searches["search_context_size_medium"], 12)


def lines(prices):
    out = {}
    for model, row in prices.items():
        provider = row.get("litellm_provider") or ""
        if model.startswith("openrouter/"):
            provider = "openrouter"
        elif provider.startswith("vertex_ai"):
            provider = "vertex_ai"
        if provider not in PROVIDERS:
            continue
        name = re.sub(r"^(%s|%s)/" % (re.escape(provider), re.escape(PROVIDERS[provider])), "", model)
        found = sorted(set(members(row)))
        free = row.get("mode") == "moderation"
        if not found or not free and all(re.fullmatch(r".*=0", m) for m in found) or re.search(r"\s", name) or re.match(r"^(\d+-x-|max-x-|low/|medium/|high/|hd/|standard/|[a-z]{2}-[a-z]+-\d/)", name):
            continue
        out.setdefault(PROVIDERS[provider] + "/" + name, " ".join(found))
    return ["%s\t%s" % entry for entry in sorted(out.items(), key=lambda e: e[0].encode())]


def fetched():
    folder = tempfile.mkdtemp(prefix="prices-")
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, "litellm"], check=True)
    wheel = glob.glob(os.path.join(folder, "*.whl"))[0]
    with zipfile.ZipFile(wheel) as package:
        return json.loads(package.read("litellm/model_prices_and_context_window_backup.json")), os.path.basename(wheel).split("-")[1]


def main():
    if len(sys.argv) > 2:
        with open(sys.argv[2]) as f:
            prices, version = json.load(f), sys.argv[3]
    else:
        prices, version = fetched()
    found = lines(prices)
    if len(found) < 500:
        sys.exit("only %d prices were found: the package has changed" % len(found))
    with open(sys.argv[1], "w") as f:
        f.write("prices %s litellm %s\n" % (datetime.date.today().isoformat(), version))
        f.write("\n".join(found) + "\n")
    print("%d prices, %d bytes" % (len(found), os.path.getsize(sys.argv[1])))


main()
