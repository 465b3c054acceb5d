package said

import "strings"

// Member says whether a format calls a member so, in a message, an item of a conversation or a part of one. The name of
// any other is a word of whoever sends it, and what is in it follows no format: a model may be told all of it as it
// stands.
func Member(name []byte) bool { return memberNames[string(name)] }

// Word says whether a role or a type is one that a format has.
func Word(text []byte) bool { return formatWords[string(text)] }

var (
	memberNames = set(`role type content contents parts part text name id index status phase object created created_at model
		refusal reasoning reasoning_content reasoning_details thinking thinking_blocks redacted_thinking signature thought thoughtSignature thought_signature
		summary encrypted_content annotations citations citation sources grounding obfuscation logprobs top_logprobs usage
		tool_calls tool_call_id tool_call tool_plan function_call function custom call_id tool_use_id is_error caller arguments args input output namespace
		functionCall function_call functionResponse function_response response willContinue will_continue scheduling partialArgs partial_args
		toolCall tool_call toolResponse tool_response toolType tool_type
		executableCode executable_code codeExecutionResult code_execution_result code language outcome
		inlineData inline_data fileData file_data mimeType mime_type displayName display_name fileUri file_uri data uri
		videoMetadata video_metadata fps startOffset start_offset endOffset end_offset mediaResolution media_resolution level
		image image_url images mask url detail audio input_audio audio_url format transcript expires_at video video_url
		file file_id filename file_url b64_json bytes document documents source media_type title context
		cache_control ttl cachePoint extra_content google
		queries results score attributes server_label approval_request_id approve reason error tools execution
		action actions acknowledged_safety_checks pending_safety_checks
		stdout stderr exit_code max_output_length return_code retrieved_at page_age encrypted_index encrypted_stdout
		document_index document_title cited_text start_char_index end_char_index start_page_number end_page_number start_block_index end_block_index
		start_index end_index search_result_index variables version prefix weight recipient channel
		description parameters parametersJsonSchema parameters_json_schema schema input_schema inputSchema responseSchema response_schema responseJsonSchema
		response_json_schema strict functionDeclarations function_declarations behavior defer_loading allowed_callers input_examples
		max_uses allowed_domains blocked_domains user_location city country region timezone search_context_size
		vector_store_ids container display_width display_height display_width_px display_height_px display_number environment syntax definition
		googleSearch google_search codeExecution code_execution urlContext url_context`)

	freeNames = set(`arguments args input response partialArgs partial_args variables parameters parametersJsonSchema parameters_json_schema schema input_schema
		inputSchema responseSchema response_schema responseJsonSchema response_json_schema input_examples attributes`)

	formatWords = set(`user assistant system developer tool function model chatbot
		text input_text output_text summary_text reasoning_text refusal message
		image image_url input_image audio input_audio audio_url video video_url input_video file input_file document search_result container_upload
		url base64 content file_id ephemeral page_location char_location content_block_location web_search_result_location search_result_location
		tool_use tool_result server_tool_use mcp_tool_use mcp_tool_result web_search_tool_result web_search_result web_fetch_tool_result web_fetch_result
		code_execution_tool_result code_execution_result code_execution_output bash_code_execution_tool_result bash_code_execution_result
		bash_code_execution_output text_editor_code_execution_tool_result tool_search_tool_result tool_reference
		thinking redacted_thinking reasoning reasoning.text reasoning.summary reasoning.encrypted
		tool_call function_call function_call_output custom custom_tool_call custom_tool_call_output
		web_search_call file_search_call image_generation_call code_interpreter_call computer_call computer_call_output computer_screenshot
		local_shell_call local_shell_call_output shell_call shell_call_output apply_patch_call apply_patch_call_output
		tool_search_call tool_search_output additional_tools
		mcp_call mcp_list_tools mcp_approval_request mcp_approval_response item_reference compaction compaction_summary context_compaction
		json_schema json_object object string number integer boolean array null enabled disabled adaptive
		url_citation file_citation container_file_citation exit timeout exec click double_click drag keypress move screenshot scroll wait type
		namespace web_search web_search_preview web_search_20250305 file_search code_interpreter image_generation computer_use_preview mcp local_shell shell
		apply_patch approximate grammar`)
)

func set(words string) map[string]bool {
	s := map[string]bool{}
	for _, word := range strings.Fields(words) {
		s[word] = true
	}
	return s
}
